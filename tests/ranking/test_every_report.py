"""Every protocol has a report: ranked, in every form, kept, shared, honest about few judgments."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.management import call_command
from django.test import Client

from annotation.models import Judgment, Study
from annotation.protocols.pairwise import VERDICTS
from annotation.services import exclude
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from ranking.reports.measures import measure_of
from ranking.rollups import OUTCOMES, fold, read_cells, rebuild
from ranking.services import fit_leaderboard, share_leaderboard
from tests.pages.people import signed_in
from tests.protocols.rating import KINDS, Rating, launched, some_answer
from tests.ranking.studies import judged_study

pytestmark = pytest.mark.django_db
every_kind = pytest.mark.parametrize("kind", list(KINDS))


def judged(kind: str, **kwargs) -> Study:
    study = launched(kind, **kwargs)
    for number, name in enumerate(("bob", "carol")):
        rating = Rating(study, name)
        for shift in range(study.task_count):
            rating.send(**some_answer(rating.parts, shift + number))
    return study


def by_name(report):
    """Return the standings as approximate numbers: systems come in the order of the file."""
    return {
        row["name"]: {
            key: pytest.approx(value)
            for key, value in row.items()
            if isinstance(value, int | float)
        }
        for row in report["standings"]
    }


@every_kind
def test_every_report_is_made_in_every_form_and_shown(kind):
    study = judged(kind)
    report = build_report(study)
    counts = report["counts"]
    assert (counts["judgments"], counts["raters"]) == (2 * study.task_count, 2)
    assert counts["prompts"] == 2
    for name, form in FORMATS.items():
        text = form.render(report)
        assert "System 1" in text, name
        assert "NaN" not in text
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/")
    assert page.status_code == 200
    assert "Nobody has judged yet" not in page.content.decode()


@every_kind
def test_a_report_without_judgments_says_so(kind):
    report = build_report(launched(kind))
    assert report["counts"]["judgments"] == 0
    assert report["headline"] == "No judgments yet."
    for form in FORMATS.values():
        form.render(report)


@every_kind
def test_corrections_and_later_judgments_are_counted_as_if_anew(kind):
    study = launched(kind)
    fold(study)
    bob = Rating(study)
    bob.send(**some_answer(bob.parts)).undo()
    fold(study)
    bob.send(**some_answer(bob.parts, 1))
    bob.send(**some_answer(bob.parts))
    as_it_came = read_cells(study).rows.tolist()
    rebuild(study)
    assert read_cells(study).rows.tolist() == as_it_came
    assert read_cells(study).of_question(0).total == 2


@every_kind
def test_an_excluded_judgment_is_in_no_figure(kind):
    study = judged(kind)
    one = Judgment.objects.order_by("pk").first()
    exclude(rater=one.rater, rule="test", reason="for the test", judgment=one)
    report = build_report(study)
    assert (report["counts"]["judgments"], report["counts"]["excluded"]) == (
        2 * study.task_count - 1,
        1,
    )
    carol = study.raters.get(name="carol")
    exclude(rater=carol, rule="test", reason="for the test")
    assert build_report(study)["counts"]["judgments"] == study.task_count - 1


@every_kind
def test_an_export_comes_back_to_the_same_report(kind, tmp_path):
    study = judged(kind)
    file = tmp_path / "out.csv"
    call_command("export_judgments", study.slug, format="csv", output=file)
    call_command("import_judgments", file, study="again", create=True, verbosity=0)
    again = build_report(Study.objects.get(slug="again"))
    report = build_report(study)
    assert again["counts"] == report["counts"]
    assert by_name(again) == by_name(report)
    assert again["agreement"] == report["agreement"]


@every_kind
def test_every_protocol_is_ranked_kept_and_shared(kind):
    study = judged(kind)
    board = fit_leaderboard(study)
    report, key = board.report, measure_of(board.report).key
    rows = {row["system"]: row for row in report["standings"]}
    assert len(rows) == study.systems.count()
    for standing in board.standings.select_related("system"):
        row = rows[standing.system.slug]
        assert (standing.value, standing.low) == (row[key], row[f"{key}_low"])
        assert row["rank_low"] <= row["rank"] <= row["rank_high"]
        assert row[f"{key}_low"] <= row[key] <= row[f"{key}_high"]
    share_leaderboard(board)
    for path in (board.share_path, f"{board.share_path}report.html"):
        page = Client().get(path)
        assert page.status_code == 200
        assert "bob" not in page.content.decode()


@every_kind
def test_the_command_writes_every_form(kind, capsys):
    study = judged(kind)
    for form in FORMATS:
        call_command("export_report", study.slug, format=form)
        assert "System 1" in capsys.readouterr().out


@every_kind
def test_one_rater_gives_no_interval_and_every_rank(kind):
    study = launched(kind)
    bob = Rating(study)
    for shift in range(study.task_count):
        bob.send(**some_answer(bob.parts, shift))
    report = build_report(study)
    key = measure_of(report).key
    for row in report["standings"]:
        assert (row[f"{key}_low"], row[f"{key}_high"]) == (None, None)
        assert (row["rank_low"], row["rank_high"]) == (1, len(report["standings"]))
    assert "Only one rater has judged: there are no intervals." in report["warnings"]
    assert "intervals" not in report["headline"]
    assert "1 rater gave" in report["method_in_words"]
    if report["standings"]:
        assert "There are no intervals" in report["method_in_words"]
    for form in FORMATS.values():
        form.render(report)


@every_kind
def test_the_first_judgment_of_all_is_not_overstated(kind):
    bob = Rating(launched(kind))
    bob.send(**some_answer(bob.parts))
    report = build_report(bob.study)
    assert "decided at" not in report["headline"]
    page = signed_in().get(f"/studies/{bob.study.slug}/leaderboard/").content.decode()
    assert "Nobody has judged yet" not in page


@every_kind
def test_a_report_that_was_kept_before_it_said_its_measure_still_opens(kind):
    board = fit_leaderboard(judged(kind))
    if board.study.protocol not in ("pairwise", "mos", "dcr"):
        return
    old = dict(board.report)
    for name in ("measure", "bins", "criteria", "strength"):
        old.pop(name, None)
    for name, form in FORMATS.items():
        assert "System 1" in form.render(old), name


@every_kind
def test_excluded_raters_are_shown_beside(kind):
    study = judged(kind)
    exclude(rater=study.raters.get(name="carol"), rule="test", reason="for the test")
    report = build_report(study)
    assert len(report["standings_with_excluded"]) == study.systems.count()
    page = signed_in().get(f"/studies/{study.slug}/leaderboard/").content.decode()
    assert "With the excluded judgments" in page


@every_kind
def test_names_that_are_markup_or_formulas_do_no_harm(kind):
    study = judged(kind)
    study.systems.filter(slug="system-1").update(name="=<b>1+1")
    report = build_report(study)
    assert "<b>1" not in FORMATS["html"].render(report)
    assert "<b>1" not in FORMATS["md"].render(report)
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report))))
    assert "'=<b>1+1" in {row["name"] for row in rows}


@pytest.mark.parametrize("kind", ["ccr", "likert", "best_worst", "mushra", "criteria", "strength"])
def test_the_better_systems_are_found(kind):
    report = build_report(judged_study(kind, raters=16, prompts=8, spread=1.0))
    systems = [row["system"] for row in report["standings"]]
    assert systems == sorted(systems, reverse=True)
    assert report["standings"][0]["rank_high"] == 1
    assert "decided at the 95% level" in report["headline"]


def test_dcr_is_ranked_as_mean_scores_in_its_own_words():
    report = build_report(judged("dcr"))
    assert [row["system"] for row in report["standings"]]
    assert "degradation category rating" in report["method_in_words"]
    text = FORMATS["html"].render(report)
    assert "very annoying" in text
    assert "DMOS" in text
    assert "excellent" not in text


def test_a_verdict_has_the_same_number_everywhere():
    assert [OUTCOMES[verdict] for verdict in VERDICTS] == [0, 1, 2, 3]
