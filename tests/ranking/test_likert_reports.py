"""A Likert report: each criterion on its own scale, and an overall that says how it is made."""

from __future__ import annotations

import csv
import io

import pytest

from annotation.models import Judgment
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from tests.factories import make_rater
from tests.pages.people import signed_in
from tests.protocols.rating import launched
from tests.ranking.studies import judged_study

pytestmark = pytest.mark.django_db


def answered(study, scores: dict[str, tuple[int, int]]) -> None:
    """Each rater gives every output the same two scores."""
    for name, (clear, correct) in scores.items():
        rater = make_rater(study, name)
        for task in study.tasks.all():
            answer = {"scores": {"clear": clear, "it_is_correct": correct}}
            Judgment.objects.create(study=study, task=task, rater=rater, answer=answer)


def test_each_criterion_has_its_means_on_its_own_scale():
    study = launched("likert", systems=1, prompts=1)
    answered(study, {"bob": (1, 4), "carol": (2, 5)})
    report = build_report(study)
    clear, correct = report["criteria"]
    assert (clear["key"], clear["label"]) == ("clear", "How clear is it?")
    assert (clear["measure"]["low"], clear["measure"]["high"]) == (1, 3)
    assert clear["standings"][0]["mos"] == 1.5
    assert clear["standings"][0]["distribution"] == [1, 1, 0]
    assert correct["standings"][0]["mos"] == 4.5
    assert correct["bins"] == ["1", "2", "3", "4", "5"]


def test_the_overall_is_percent_of_each_scale_and_says_so():
    study = launched("likert", systems=1, prompts=1)
    answered(study, {"bob": (1, 4), "carol": (2, 5)})
    report = build_report(study)
    (row,) = report["standings"]
    # 1 and 2 of 1 to 3 are 0 and 50 %; 4 and 5 of 1 to 5 are 75 and 100 %.
    assert row["mos"] == pytest.approx((25 + 87.5) / 2)
    assert row["judgments"] == 2
    assert "percent of each criterion's scale" in report["method_in_words"]
    assert "Read it beside the criteria" in report["measure"]["note"]


def test_the_intervals_of_criteria_end_at_their_scales():
    report = build_report(judged_study("likert", raters=4, prompts=3))
    for part in report["criteria"]:
        low, high = part["measure"]["low"], part["measure"]["high"]
        for row in part["standings"]:
            assert low <= row["mos_low"] < row["mos"] < row["mos_high"] <= high
        assert {row["p_holm"] is not None for row in part["differences"]} == {True}
        assert part["agreement"]["metric"] == "ordinal"
    assert report["agreement"] is None


def test_criteria_that_disagree_are_not_averaged_away():
    study = launched("likert", systems=2, prompts=4)
    first, second = study.systems.order_by("study_systems__position")
    scores = {first.pk: (3, 2), second.pk: (1, 4)}
    for number in range(20):
        rater = make_rater(study, f"rater {number}")
        for task in study.tasks.all():
            clear, correct = scores[task.system_a_id]
            shift = number % 2
            answer = {
                "clear": clear - (shift if clear > 1 else 0),
                "it_is_correct": correct + shift,
            }
            Judgment.objects.create(study=study, task=task, rater=rater, answer={"scores": answer})
    report = build_report(study)
    said = {row["title"]: row["says"] for row in report["checks"]}["Criteria"]
    assert f"{first.name};" in said
    assert said.endswith(f"{second.name}.")
    leaders = [part["standings"][0]["system"] for part in report["criteria"]]
    assert leaders == [first.slug, second.slug]


def test_the_page_and_the_files_have_every_criterion():
    study = judged_study("likert", raters=6, prompts=4)
    report = build_report(study)
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    text = FORMATS["md"].render(report)
    for shown in (page, text):
        for label in ("Systems by criteria", "How clear is it?", "It is correct."):
            assert label in shown
    assert 'class="n heat' in page
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report))))
    assert [row["criterion"] for row in rows] == (
        [""] * 3 + ["How clear is it?"] * 3 + ["It is correct."] * 3
    )
