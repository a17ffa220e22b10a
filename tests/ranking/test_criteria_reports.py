"""A pairwise report with several criteria, or with strengths of preference, beside its own fit."""

from __future__ import annotations

import csv
import io

import pytest

from annotation.models import Assignment
from annotation.services import exclude
from ranking.reports import Options, build_report
from ranking.reports.formats import FORMATS
from tests.factories import make_judgment, make_rater
from tests.pages.people import signed_in
from tests.protocols.rating import Rating, launched
from tests.ranking.studies import judged_study

pytestmark = pytest.mark.django_db


def test_each_criterion_has_a_fit_of_its_own():
    study = launched("criteria", systems=2)
    bob = Rating(study)
    for side, choice in (("a", "left"), ("b", "tie")):
        Assignment.objects.filter(pk=bob.slot.pk).update(left=side)
        bob.send(criterion_clear=choice, choice="right")
    report = build_report(study)
    assert [row["win_rate"] for row in report["standings"]] == pytest.approx([0.5, 0.5])
    (part,) = report["criteria"]
    assert (part["key"], part["label"]) == ("clear", "Which is clearer?")
    assert {row["system"]: row["win_rate"] for row in part["standings"]} == pytest.approx(
        {"system-1": 0.75, "system-2": 0.25}
    )
    assert (part["pairs"][0]["a_wins"], part["pairs"][0]["ties"]) == (1, 1)


def test_a_criterion_is_fitted_as_the_verdict_would_be():
    """Where a criterion is answered like the question its figures are those of the question."""
    study = launched("criteria", systems=3, prompts=4)
    for number in range(5):
        rater = make_rater(study, f"rater {number}")
        for place, task in enumerate(study.tasks.order_by("pk")):
            verdict = ("a", "b", "tie", "a", "both_bad")[(place + number) % 5]
            make_judgment(
                task, rater, verdict=verdict, left="a", answer={"criteria": {"clear": verdict}}
            )
    report = build_report(study)
    (part,) = report["criteria"]
    assert part["standings"] == report["standings"]
    assert part["agreement"] == report["agreement"]
    assert part["position"] == report["position"]


def test_excluded_raters_and_other_parts_are_left_out_of_criteria_as_well():
    study = judged_study("criteria", raters=5)
    whole = build_report(study)["criteria"][0]["standings"]
    exclude(rater=study.raters.get(name="rater 0"), rule="test", reason="for the test")
    part = build_report(study, Options())["criteria"][0]["standings"]
    assert sum(row["judgments"] for row in part) == 4 / 5 * sum(row["judgments"] for row in whole)


def test_the_page_and_the_files_have_every_criterion():
    study = judged_study("criteria", raters=6)
    report = build_report(study)
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    for shown in (page, FORMATS["md"].render(report)):
        assert "Systems by criteria" in shown
        assert "Which is clearer?" in shown
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report))))
    assert [row["criterion"] for row in rows] == [""] * 3 + ["Which is clearer?"] * 3


def test_strength_is_signed_by_who_won_and_ties_are_none():
    study = launched("strength", systems=2, prompts=2)
    one, other = study.tasks.order_by("pk")
    bob, carol = make_rater(study, "bob"), make_rater(study, "carol")
    make_judgment(one, bob, verdict="a", left="a", answer={"strength": 4})
    make_judgment(other, bob, verdict="tie", left="b")
    make_judgment(one, carol, verdict="b", left="b", answer={"strength": 1})
    make_judgment(other, carol, verdict="a", left="a", answer={"strength": 3})
    report = build_report(study)
    part = report["strength"]
    (pair,) = part["scored_pairs"]
    assert (pair["a"], pair["mean"], pair["judgments"]) == ("system-1", 1.5, 4)
    assert pair["distribution"] == [0, 0, 0, 1, 1, 0, 0, 1, 1]
    assert (part["judgments"], part["without"]) == (4, 0)
    assert {row["system"] for row in part["standings"]} == {"system-1", "system-2"}
    # The verdicts are what the leaderboard is of.
    assert report["counts"]["judgments"] == 4
    assert report["standings"][0]["win_rate"] == pytest.approx(2.5 / 4)


def test_preferences_without_a_strength_are_left_out_and_counted():
    study = launched("strength", systems=2, prompts=2)
    one, other = study.tasks.order_by("pk")
    bob = make_rater(study, "bob")
    make_judgment(one, bob, verdict="a", left="a", answer={"strength": 2})
    make_judgment(other, bob, verdict="a", left="a")
    part = build_report(study)["strength"]
    assert (part["judgments"], part["without"]) == (1, 1)
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    assert "Left out: 1 preferences without a strength" in page


def test_strength_is_absent_where_it_was_not_asked_or_nobody_said():
    assert build_report(judged_study("pairwise"))["strength"] is None
    study = launched("strength", systems=2, prompts=1)
    make_judgment(study.tasks.get(), make_rater(study, "bob"), verdict="tie")
    report = build_report(study)
    assert report["strength"] is None
    assert report["standings"]


def test_strong_preferences_are_shown_beside_the_win_rates():
    study = judged_study("strength", raters=8)
    report = build_report(study)
    for row in report["strength"]["standings"]:
        assert -4 <= row["preference_low"] < row["preference"] < row["preference_high"] <= 4
    text = FORMATS["md"].render(report)
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    for shown in (text, page):
        assert "How strong preferences are" in shown
        assert "taken to be equally far apart" in shown
