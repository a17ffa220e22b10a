"""The report says which pairs are decided, and how far the others are from it."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from annotation.launch import launch_study
from annotation.models import Study
from generation.models import System
from ranking.reports import Options, build_report
from ranking.reports.figures import figures
from ranking.reports.formats import FORMATS
from ranking.reports.groups import Group
from ranking.reports.stopping import LISTED, in_words, listed, nearest, stopping_rows
from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.ranks import unknown_ranks
from ranking.stats.sandwich import sandwich
from tests.factories import make_judgment, make_rater, make_study
from tests.ranking.cells import simulated

pytestmark = pytest.mark.django_db


def judged(*, raters: int, chances: tuple[float, ...] = (0.9, 0.5), prompts: int = 12) -> Study:
    """`chances`: of the first system's win, and of that of any other that stands as a."""
    study = launch_study(make_study(systems=3, prompts=prompts))
    first = study.systems.order_by("study_systems__position")[0]
    rng = random.Random(1)
    tasks = list(study.tasks.all())
    for r in range(raters):
        rater = make_rater(study, f"rater {r}")
        for task in tasks:
            is_first = first.pk in (task.system_a_id, task.system_b_id)
            chance = chances[0] if is_first else chances[1]
            if task.system_b_id == first.pk:
                chance = 1 - chance
            make_judgment(task, rater, verdict="a" if rng.random() < chance else "b")
    return study


def test_a_pair_far_apart_is_decided_and_one_that_is_close_is_not():
    report = build_report(judged(raters=12))
    first = report["standings"][0]["system"]
    rows = report["stopping"]
    assert len(rows) == 3
    for row in rows:
        assert row.keys() >= {"a", "b", "verdict", "low", "high", "margin"}
        assert row["low"] < row["difference"] < row["high"]
        assert row["margin"] == 0.05
        if first in (row["a"], row["b"]):
            assert row["verdict"] == ("better" if row["a"] == first else "worse")
            assert row["more_judgments"] is None
        else:
            assert row["verdict"] == "undecided"
            assert row["more_judgments"] > 0
            assert set(str(row["more_judgments"])[2:]) <= {"0"}  # about: two digits
    says = next(row["says"] for row in report["checks"] if row["title"] == "Enough judgments")
    assert "2 of 3 pairs are decided" in says
    assert "more judgments, spread as those so far" in says
    assert "valid however often one looks" in report["method_in_words"]


def test_a_wide_margin_makes_systems_equivalent():
    report = build_report(judged(raters=12, chances=(0.5, 0.5)), Options(margin=0.6))
    assert {row["verdict"] for row in report["stopping"]} == {"equivalent"}
    says = next(row["says"] for row in report["checks"] if row["title"] == "Enough judgments")
    assert "equivalent within 60 points of win rate: 3" in says
    assert "No more judgments are needed" in says


@pytest.mark.parametrize("raters", [1, 4])
def test_few_raters_decide_nothing(raters):
    report = build_report(judged(raters=raters))
    assert {row["verdict"] for row in report["stopping"]} == {"undecided"}
    assert {row["low"] for row in report["stopping"]} == {None}
    says = next(row["says"] for row in report["checks"] if row["title"] == "Enough judgments")
    assert "0 of 3 pairs are decided" in says
    for form in FORMATS.values():
        assert "nan" not in form.render(report).lower().replace("unanimous", "")


def test_nothing_but_ties_decides_nothing():
    study = launch_study(make_study(systems=2, prompts=3))
    for r in range(12):
        rater = make_rater(study, f"rater {r}")
        for task in study.tasks.all():
            make_judgment(task, rater, verdict="tie")
    report = build_report(study)
    assert [row["verdict"] for row in report["stopping"]] == ["undecided"]
    assert report["stopping"][0]["more_judgments"] is None
    says = next(row["says"] for row in report["checks"] if row["title"] == "Enough judgments")
    assert "Nothing is known yet" in says


def test_every_form_shows_them():
    report = build_report(judged(raters=12))
    assert "## Enough judgments?" in FORMATS["md"].render(report)
    page = FORMATS["html"].render(report)
    assert "Enough judgments?" in page
    assert "within 5 points" in page
    assert "undecided" in page


def test_a_leaderboard_that_was_kept_before_is_still_shown():
    report = build_report(judged(raters=3, prompts=2))
    del report["stopping"], report["method"]["verdicts"], report["method"]["margin"]
    for form in FORMATS.values():
        assert form.render(report)


def test_no_judgments_and_mos_have_none():
    assert build_report(launch_study(make_study()))["stopping"] == []
    assert "stopping" not in build_report(launch_study(make_study(protocol="mos")))


def wide_group(systems: int) -> Group:
    rng = np.random.default_rng(1)
    data = simulated(rng, np.linspace(-1, 1, systems), judgments=40_000, raters=300, prompts=500)
    fit = fit_bradley_terry(data.counts.half_wins)
    named = [System(slug=f"s{i}") for i in range(systems)]
    return Group(
        number=0,
        place=np.arange(systems),
        systems=named,
        raters=np.arange(300),
        tallied=data,
        weighted=data,
        fit=fit,
        cov=sandwich(fit, data),
        ranks=unknown_ranks(fit.strengths),
        win_rates=None,
        bounds=None,
        influence=None,
    )


def test_a_hundred_systems_take_a_moment_and_a_page_lists_a_few():
    group = wide_group(100)
    started = time.process_time()
    rows = stopping_rows([group], Options())
    assert time.process_time() - started < 0.5
    assert len(rows) == 4950
    assert sum(row["verdict"] in ("better", "worse") for row in rows) > 1000
    wrong = [r for r in rows if r["verdict"] == "better"
             and int(r["a"][1:]) < int(r["b"][1:])]  # fmt: skip
    assert wrong == []  # strengths rise with the number
    needs = [row["more_judgments"] for row in nearest(rows)]
    assert needs == sorted(needs)
    assert len(listed(rows)) == LISTED
    names = {f"s{i}": f"System {i}" for i in range(100)}
    assert "of 4,950 pairs are decided" in in_words(rows, names)
    known = {"group": 0, "rank": 1, "rank_low": 1, "rank_high": 100, "judgments": 10}
    known |= {"win_rate": 0.5, "win_rate_low": None, "win_rate_high": None}
    report = {"protocol": "pairwise", "method": {"level": 0.95}, "stopping": rows, "groups": []}
    report |= {"pairs": [], "slices": []}
    report["standings"] = [{"system": s, "name": n, **known} for s, n in names.items()]
    shown = figures(report)["stopping"]
    assert len(shown["rows"]) == LISTED
    assert shown["unlisted"] == 4950 - LISTED
