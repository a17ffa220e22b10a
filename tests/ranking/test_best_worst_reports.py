"""A best-worst report: win rates from partial rankings, and how often best and worst."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.models import Judgment
from ranking.comparisons import choices, read_study
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from ranking.rollups import fold, read_cells, rebuild
from tests.factories import make_rater
from tests.pages.people import signed_in
from tests.protocols.rating import Rating, launched
from tests.ranking.studies import judged_study

pytestmark = pytest.mark.django_db


def test_the_count_score_is_of_the_times_shown():
    study = launched("best_worst", systems=3, prompts=4)
    bob = Rating(study)
    for best, worst in ((0, 1), (0, 2), (0, 1), (2, 0)):
        order = bob.slot.order
        bob.send(best=order.index(best), worst=order.index(worst))
    rows = {row["name"]: row for row in build_report(study)["standings"]}
    assert {
        name: (row["best_share"], row["worst_share"], row["best_less_worst"])
        for name, row in rows.items()
    } == {
        "System 1": (0.75, 0.25, 0.5),
        "System 2": (0.0, 0.5, -0.5),
        "System 3": (0.25, 0.25, 0.0),
    }
    assert rows["System 1"]["judgments"] == 4


@pytest.mark.parametrize("systems", [4, 7])
def test_counts_keep_what_was_chosen_from_what(systems):
    """The one cell of a judgment holds its group: choices come back as they were stored."""
    study = judged_study("best_worst", systems=systems, prompts=3, raters=3, options={"size": 3})
    number = {pk: i for i, pk in enumerate(read_cells(study).systems)}
    expected = set()
    for judgment in study.judgments.select_related("task"):
        shown = [place.system_id for place in judgment.task.outputs.order_by("place")]
        best, worst = (number[shown[judgment.answer[name]]] for name in ("best", "worst"))
        between = sorted({number[pk] for pk in shown} - {best, worst})
        expected.add((judgment.rater.name, judgment.task.prompt_id, best, *between, worst))
    cells = read_study(study)
    data = choices(cells.people())
    found = {
        (
            cells.labels.rater_names[rater],
            cells.everything.prompts[prompt],
            *(int(s) for s in ranked if s >= 0),
        )
        for rater, prompt, ranked in zip(
            data.rater, data.prompt, data.ranked[data.kind], strict=True
        )
    }
    assert found == expected
    assert len(cells.people().rows) == study.judgments.count()
    before = read_cells(study).rows.tolist()
    fold(study)
    rebuild(study)
    assert read_cells(study).rows.tolist() == before


def test_win_rates_are_mean_chances_of_standing_above_the_others():
    report = build_report(judged_study("best_worst", raters=10, prompts=6))
    strength = np.array([row["strength"] for row in report["standings"]])
    chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
    expected = (chance.sum(axis=1) - 0.5) / 3
    assert [row["win_rate"] for row in report["standings"]] == pytest.approx(expected)
    assert strength.sum() == pytest.approx(0, abs=1e-9)
    for row in report["standings"]:
        assert row["win_rate_low"] < row["win_rate"] < row["win_rate_high"]
        assert row["best_less_worst_low"] < row["best_less_worst"] < row["best_less_worst_high"]
    assert "partial rankings" in report["method_in_words"]
    assert report["agreement"]["metric"] == "nominal"
    assert sum(row["weight"] for row in report["raters"]) == pytest.approx(1)


def test_a_system_that_is_always_best_gets_a_bound():
    study = launched("best_worst", systems=3, prompts=4)
    for name in ("bob", "carol"):
        rater = make_rater(study, name)
        for number, task in enumerate(study.tasks.order_by("pk")):
            answer = {"best": 0, "worst": 1 + number % 2}
            Judgment.objects.create(study=study, task=task, rater=rater, answer=answer)
    report = build_report(study)
    first = report["standings"][0]
    assert (first["system"], first["bound"], first["win_rate_high"]) == ("system-1", "lower", 1.0)
    assert any("one-sided bounds" in text for text in report["warnings"])
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    assert "at least" in page


def test_groups_that_share_no_system_are_not_ranked_together():
    study = launched("best_worst", systems=6, prompts=1, options={"size": 3})
    for name in ("bob", "carol"):
        rater = make_rater(study, name)
        for task in study.tasks.all():
            answer = {"best": 0 if name == "bob" else 1, "worst": 2 if name == "bob" else 0}
            Judgment.objects.create(study=study, task=task, rater=rater, answer=answer)
    report = build_report(study)
    assert [len(group) for group in report["groups"]] == [3, 3]
    assert report["headline"].startswith("There is no single order")
    assert any("never shown together" in text for text in report["warnings"])


def test_a_study_of_more_systems_than_groups_can_number_does_not_launch():
    from annotation.protocols import PROTOCOLS

    assert PROTOCOLS["best_worst"].parse({}).most_systems == 200


def test_the_page_and_markdown_say_how_often_best_and_worst():
    study = judged_study("best_worst", raters=6, prompts=4)
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    assert "How often raters picked it" in page
    assert "Best less worst" in page
    assert "| Best | Worst | Best less worst |" in FORMATS["md"].render(build_report(study))
