"""A MUSHRA report: means from 0 to 100, the hidden reference apart and never ranked."""

from __future__ import annotations

import csv
import io

import pytest

from annotation.protocols.mushra import Mushra
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from tests.pages.people import signed_in
from tests.protocols.rating import Rating, launched
from tests.ranking.studies import judged_study

pytestmark = pytest.mark.django_db


def scored(study, rows: list[list[int]]) -> None:
    bob = Rating(study)
    for scores in rows:
        order = bob.slot.order
        bob.send(**{f"score_{i}": scores[place] for i, place in enumerate(order)})


def test_the_reference_is_no_competitor():
    study = launched("mushra")
    scored(study, [[10, 20, 30, 100], [20, 40, 60, 90]])
    report = build_report(study)
    assert {row["name"]: row["mos"] for row in report["standings"]} == {
        "System 1": 15.0,
        "System 2": 30.0,
        "System 3": 45.0,
    }
    (apart,) = report["apart"]
    assert (apart["label"], apart["mos"], apart["judgments"]) == ("Hidden reference", 95.0, 2)
    assert report["groups"] == [["system-3", "system-2", "system-1"]]


def test_scores_are_counted_in_bands_of_twenty():
    study = launched("mushra")
    scored(study, [[0, 19, 20, 100], [39, 80, 100, 90]])
    rows = {row["name"]: row["distribution"] for row in build_report(study)["standings"]}
    assert rows == {
        "System 1": [1, 1, 0, 0, 0],
        "System 2": [1, 0, 0, 0, 1],
        "System 3": [0, 1, 0, 0, 1],
    }


def test_without_a_reference_nothing_stands_apart():
    report = build_report(judged_study("mushra", options={"reference": False}))
    assert report["apart"] == []
    assert "Reference" not in {row["title"] for row in report["checks"]}


def test_further_places_stand_apart_under_their_own_names(monkeypatch):
    study = launched("mushra")
    scored(study, [[10, 20, 30, 100], [20, 40, 60, 90]])
    for judgment in study.judgments.all():
        # As a study with an anchor would have stored it: a place behind the reference.
        scores = [*judgment.answer["scores"], 7]
        type(judgment).objects.create(
            study=study, task=judgment.task, rater=judgment.rater, supersedes=judgment,
            answer={**judgment.answer, "scores": scores},
        )  # fmt: skip
    monkeypatch.setattr(Mushra, "extras", property(lambda self: ("Hidden reference", "Anchor")))
    report = build_report(study)
    assert [(row["label"], row["mos"]) for row in report["apart"]] == [
        ("Hidden reference", 95.0),
        ("Anchor", 7.0),
    ]
    assert {row["name"] for row in report["standings"]} == {"System 1", "System 2", "System 3"}


def test_the_page_and_the_files_show_it_apart():
    study = judged_study("mushra", raters=6, prompts=4)
    report = build_report(study)
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    for shown in (page, FORMATS["md"].render(report)):
        assert "Apart, never ranked" in shown
        assert "Hidden reference" in shown
    said = {row["title"]: row["says"] for row in report["checks"]}["Reference"]
    assert said.startswith("Hidden reference: ")
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report))))
    assert [(row["name"], row["rank"] == "") for row in rows][-1] == ("Hidden reference", True)


def test_intervals_allow_for_raters_and_prompts_and_raters_are_listed():
    report = build_report(judged_study("mushra", raters=6, prompts=4))
    assert report["method"]["interval"] == "clustered by rater and by prompt, two-way"
    for row in report["standings"]:
        assert 0 <= row["mos_low"] < row["mos"] < row["mos_high"] <= 100
        assert row["judgments"] == 24
    assert {row["judgments"] for row in report["raters"]} == {4}
    assert report["agreement"]["metric"] == "ordinal"
    assert report["ordinal"] is None
