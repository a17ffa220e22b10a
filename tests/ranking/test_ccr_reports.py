"""A CCR report: scores of pairs, systems on a line, and what raters give to the second output."""

from __future__ import annotations

import pytest

from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from tests.factories import make_judgment, make_rater
from tests.pages.people import signed_in
from tests.protocols.rating import launched
from tests.ranking.studies import judged_study

pytestmark = pytest.mark.django_db


def test_scores_are_for_and_against_whichever_came_first():
    study = launched("ccr")
    pair = next(t for t in study.tasks.all() if t.system_a_id != t.system_b_id)
    null = next(t for t in study.tasks.all() if t.system_a_id == t.system_b_id)
    for name, score, left in (("bob", 3, "b"), ("carol", 1, "a")):
        rater = make_rater(study, name)
        make_judgment(pair, rater, score=score, left=left)
        make_judgment(null, rater, score=2, left="a")
        make_judgment(null, rater, score=-1, left="b")
    report = build_report(study)
    (row,) = report["scored_pairs"]
    assert (row["a"], row["b"], row["mean"], row["judgments"]) == ("system-1", "system-2", 2.0, 2)
    assert row["distribution"] == [0, 0, 0, 0, 1, 0, 1]
    # The second over the first: -2 where a came first, -1 where a came second.
    assert report["null_pairs"]["mean"] == -1.5
    assert report["null_pairs"]["distribution"] == [0, 2, 2, 0, 0, 0, 0]
    by_name = {row["name"]: row for row in report["standings"]}
    # With a second once, and first once, the places do not hang on the order.
    assert by_name["System 1"]["cmos"] == pytest.approx(2.0)
    assert by_name["System 2"]["cmos"] == pytest.approx(-2.0)
    assert (by_name["System 1"]["better"], by_name["System 2"]["worse"]) == (2, 2)
    assert by_name["System 1"]["judgments"] == 2


def test_the_order_shown_is_told_from_pairs_and_null_pairs_together():
    report = build_report(judged_study("ccr", raters=16, prompts=8))
    position, null = report["position"], report["null_pairs"]
    # What comes second was given 0.2 more, before rounding.
    assert 0 < position["low"] < 0.2 < position["high"] < 0.4
    assert position["judgments"] == report["counts"]["judgments"]
    assert null["low"] < 0.2 < null["high"]
    assert position["high"] - position["low"] < null["high"] - null["low"]
    said = {row["title"]: row["says"] for row in report["checks"]}["Order"]
    assert "What comes second gets 0." in said
    assert "One output against itself gives" in said


def test_a_pair_is_the_mean_and_the_line_is_near_it():
    report = build_report(judged_study("ccr", raters=16, prompts=8))
    assert len(report["scored_pairs"]) == 3
    for row in report["scored_pairs"]:
        assert row["low"] < row["mean"] < row["high"]
        assert row["p"] <= row["p_holm"] <= 1
        assert row["residual"] == pytest.approx(row["mean"] - row["expected"])
        assert abs(row["residual"]) < 0.3
        assert sum(row["distribution"]) == row["judgments"] == 16 * 8
    places = {row["system"]: row["cmos"] for row in report["standings"]}
    assert sum(places.values()) == pytest.approx(0, abs=1e-9)


def test_the_page_puts_the_better_one_first_and_shows_null_pairs():
    study = judged_study("ccr", raters=16, prompts=8)
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    assert "System 3 over System 1" in page
    assert "System 1 over System 3" not in page
    assert "Null pairs, one output shown twice" in page
    assert "Comparison mean opinion score" in page
    text = FORMATS["md"].render(build_report(study))
    assert "Null pairs: what came second got" in text


def test_scores_without_an_order_say_so():
    study = launched("ccr", options={})
    for name in ("bob", "carol"):
        rater = make_rater(study, name)
        for task in study.tasks.all():
            make_judgment(task, rater, score=1, left="")
    report = build_report(study)
    assert report["position"] is None
    assert any("Which output came first is not known" in text for text in report["warnings"])
    # All said the same: the interval is what so few raters could have missed.
    assert report["standings"][0]["cmos_low"] < 1 < report["standings"][0]["cmos_high"]


def test_null_pairs_alone_rank_nothing():
    study = launched("ccr")
    null = next(t for t in study.tasks.all() if t.system_a_id == t.system_b_id)
    make_judgment(null, make_rater(study), score=1, left="a")
    report = build_report(study)
    assert (report["standings"], report["headline"]) == ([], "Not enough data yet.")
    assert "Only null pairs were judged so far." in report["warnings"]
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    assert "Not enough data to compare any two systems yet" in page


def test_systems_that_never_met_stand_on_lines_of_their_own():
    study = launched("ccr", systems=4, options={})
    position = {s.pk: i for i, s in enumerate(study.systems.order_by("study_systems__position"))}
    for name in ("bob", "carol"):
        rater = make_rater(study, name)
        for task in study.tasks.all():
            if {position[task.system_a_id], position[task.system_b_id]} in ({0, 1}, {2, 3}):
                make_judgment(task, rater, score=1 if name == "bob" else 2, left="a")
    report = build_report(study)
    assert sorted(map(sorted, report["groups"])) == [
        ["system-1", "system-2"], ["system-3", "system-4"]
    ]  # fmt: skip
    assert report["headline"].startswith("There is no single order")
    assert any("never compared" in text for text in report["warnings"])
