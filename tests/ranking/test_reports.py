"""The report says what the judgments say, in every state that a study can be in."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.management import call_command

from annotation.launch import launch_study
from annotation.models import Study
from annotation.services import exclude, lift_exclusion
from generation.models import System
from ranking.reports import Options, build_report
from ranking.reports.formats import FORMATS
from tests.factories import make_judgment, make_rater, make_study

pytestmark = pytest.mark.django_db

KEYS = {
    "study", "protocol", "generated_at", "evalsite_version", "counts", "method", "standings",
    "groups", "warnings", "exclusions", "benchmarks", "agreement",
}  # fmt: skip


def judged(*, raters: int = 4, **kwargs) -> Study:
    """The first system beats the others on most prompts."""
    study = launch_study(make_study(systems=3, prompts=6, **kwargs))
    for r in range(raters):
        rater = make_rater(study, f"rater {r}")
        for number, task in enumerate(study.tasks.order_by("pk")):
            if kwargs.get("protocol") == "mos":
                make_judgment(task, rater, score=min(5, 3 + (number + r) % 3))
                continue
            verdict = ("a", "a", "b", "a", "tie", "both_bad")[(number + r) % 6]
            make_judgment(task, rater, verdict=verdict, left="ab"[(number + r) % 2])
    return study


def test_the_counts_are_those_of_the_rows():
    study = judged()
    report = build_report(study)
    assert report.keys() >= KEYS
    counts = report["counts"]
    assert (counts["judgments"], counts["raters"], counts["prompts"]) == (72, 4, 6)
    assert counts["ties"] == study.judgments.filter(verdict="tie").count() > 0
    assert counts["both_bad"] == study.judgments.filter(verdict="both_bad").count() > 0
    for row in report["standings"]:
        total = row["wins"] + row["losses"] + row["ties"] + row["both_bad"]
        assert total == row["judgments"] == 48
        assert row["win_rate_low"] <= row["win_rate"] <= row["win_rate_high"]
        assert row["rank_low"] <= row["rank"] <= row["rank_high"]
    assert sum(row["strength"] for row in report["standings"]) == pytest.approx(0, abs=1e-9)
    pair = report["pairs"][0]
    between = study.judgments.filter(task__system_a__slug=pair["a"], task__system_b__slug=pair["b"])
    assert pair["judgments"] == between.count()
    assert pair["a_wins"] == between.filter(verdict="a").count()
    worth = {"tie": 0.5, "both_bad": 0.5}
    left = [worth.get(j.verdict, float(j.verdict == j.left)) for j in study.judgments.all()]
    assert report["position"]["observed"] == pytest.approx(sum(left) / len(left))
    assert report["position"]["low"] < report["position"]["left_win_rate"] < 0.5


def test_the_same_seed_gives_the_same_report():
    study = judged()
    one, two, other = (build_report(study, Options(seed=seed)) for seed in (3, 3, 4))
    assert one["standings"] == two["standings"]
    assert one["second_opinion"] == two["second_opinion"] != other["second_opinion"]


def test_an_exclusion_is_shown_counted_and_can_be_lifted():
    study = judged()
    exclusion = exclude(rater=study.raters.first(), rule="by hand", reason="answered in a second")
    report = build_report(study)
    assert (report["counts"]["judgments"], report["counts"]["excluded"]) == (54, 18)
    assert report["exclusions"][0]["reason"] == "answered in a second"
    everything = {row["system"]: row["judgments"] for row in report["standings_with_excluded"]}
    assert set(everything.values()) == {48}
    lift_exclusion(exclusion)
    assert build_report(study)["counts"]["excluded"] == 0


def test_a_correction_replaces_what_it_corrects():
    study = judged(raters=1)
    old = study.judgments.filter(verdict="a").first()
    make_judgment(old.task, old.rater, verdict="b", supersedes=old)
    assert build_report(study)["counts"]["judgments"] == 18


def test_no_judgments_yet():
    report = build_report(launch_study(make_study()))
    assert report["standings"] == []
    assert report["headline"] == "No judgments yet."
    for form in FORMATS.values():
        assert form.render(report)


def test_one_rater_gives_no_interval_and_says_so():
    report = build_report(judged(raters=1))
    assert {row["win_rate_low"] for row in report["standings"]} == {None}
    assert {(row["rank_low"], row["rank_high"]) for row in report["standings"]} == {(1, 3)}
    assert "Only one rater has judged: there are no intervals." in report["warnings"]


def test_groups_that_were_never_compared_have_tables_of_their_own():
    study = launch_study(make_study(systems=4, prompts=4))
    first, second, third, fourth = study.systems.order_by("study_systems__position")
    bob, carol = make_rater(study, "bob"), make_rater(study, "carol")
    for a, b in ((first, second), (third, fourth)):
        for number, task in enumerate(study.tasks.filter(system_a=a, system_b=b)):
            make_judgment(task, bob, verdict="ab"[number % 2])
            make_judgment(task, carol, verdict="a")
    report = build_report(study)
    assert report["groups"] == [[first.slug, second.slug], [third.slug, fourth.slug]]
    assert "2 groups that were never compared" in report["warnings"][0]
    assert "no single order" in report["headline"]
    assert [row["rank"] for row in report["standings"]] == [1, 2, 1, 2]


def test_a_system_that_never_lost_is_flagged():
    study = launch_study(make_study(prompts=4))
    for name in ("bob", "carol"):
        rater = make_rater(study, name)
        for task in study.tasks.all():
            make_judgment(task, rater, verdict="a")
    report = build_report(study)
    assert "no finite estimate exists" in report["warnings"][0]


def test_mos_has_means_intervals_and_distributions():
    report = build_report(judged(protocol="mos"))
    for row in report["standings"]:
        assert row["mos_low"] < row["mos"] < row["mos_high"]
        assert sum(row["distribution"]) == row["judgments"] == 24
    assert report["agreement"]["metric"] == "interval"
    assert "| Rank |" in FORMATS["md"].render(report)


def test_names_cannot_break_out_of_markdown_or_csv():
    study = judged()
    first = study.systems.first()
    evil = "=cmd|' /C calc'!A0 <script> | *bold*"
    System.objects.filter(pk=first.pk).update(name=evil)
    report = build_report(study)
    markdown = FORMATS["md"].render(report)
    assert "<script>" not in markdown
    assert "\\| \\*bold\\*" in markdown
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report))))
    assert {"'" + evil} < {row["name"] for row in rows}
    assert all(float(row["strength"]) < 9 for row in rows)
    assert json.loads(FORMATS["json"].render(report))["standings"]


def test_the_commands_keep_and_write(tmp_path, capsys):
    study = judged()
    call_command("fit_leaderboard", study.slug)
    assert "from 72 judgments" in capsys.readouterr().out
    kept = study.leaderboards.get()
    assert kept.standings.count() == 3
    make_judgment(study.tasks.first(), make_rater(study, "late"), verdict="b")
    kept.refresh_from_db()
    assert kept.report["counts"]["judgments"] == 72
    file = tmp_path / "report.json"
    call_command("export_report", study.slug, format="json", output=file)
    assert json.loads(file.read_text())["counts"]["judgments"] == 73


@pytest.mark.parametrize("command", ["fit_leaderboard", "export_report"])
def test_an_unknown_study_is_named(command, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command(command, "nothing")
    assert ended.value.code == 2
    assert "unknown study 'nothing'" in capsys.readouterr().err


def test_a_report_counts_in_the_database(django_assert_max_num_queries):
    study = judged()
    with django_assert_max_num_queries(20):
        build_report(study)
