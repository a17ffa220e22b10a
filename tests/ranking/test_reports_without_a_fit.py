"""Protocols that have no fit: their judgments are counted, averaged and exported all the same."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.management import call_command

from annotation.models import Assignment, Judgment, Study
from annotation.protocols.pairwise import VERDICTS
from annotation.services import exclude
from ranking.exceptions import RankingError
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from ranking.rollups import OUTCOMES, fold, read_cells, rebuild
from ranking.services import fit_leaderboard
from tests.factories import make_judgment, make_rater
from tests.pages.people import signed_in
from tests.protocols.rating import KINDS, Rating, launched, some_answer

pytestmark = pytest.mark.django_db
every_kind = pytest.mark.parametrize("kind", list(KINDS))
PLAIN = ("ccr", "likert", "best_worst", "mushra", "no_reference")


def judged(kind: str, **kwargs) -> Study:
    study = launched(kind, **kwargs)
    for number, name in enumerate(("bob", "carol")):
        rating = Rating(study, name)
        for shift in range(study.task_count):
            rating.send(**some_answer(rating.parts, shift + number))
    return study


def table(study: Study, number: int = 0) -> dict[str, list[object]]:
    """Return the values of a table by the name of its row."""
    found = build_report(study)["tables"][number]
    return {row["name"]: [c and c["value"] for c in row["cells"]] for row in found["rows"]}


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
    assert again.get("tables") == report.get("tables")
    assert again["agreement"] == report["agreement"]


@pytest.mark.parametrize("kind", PLAIN)
def test_nothing_is_ranked_and_nothing_is_kept(kind):
    study = judged(kind)
    report = build_report(study)
    assert (report["standings"], report["groups"]) == ([], [])
    assert "nothing is ranked" in report["method_in_words"]
    with pytest.raises(RankingError, match="no fit"):
        fit_leaderboard(study)
    for row in report["tables"][0]["rows"]:
        for cell in row["cells"]:
            assert cell["low"] is None or cell["low"] <= cell["value"] <= cell["high"]


def test_dcr_is_ranked_as_mean_scores_in_its_own_words():
    report = build_report(judged("dcr"))
    assert [row["system"] for row in report["standings"]]
    assert "degradation category rating" in report["method_in_words"]
    text = FORMATS["html"].render(report)
    assert "very annoying" in text
    assert "excellent" not in text


def test_ccr_counts_for_a_and_against_b_and_keeps_null_pairs_apart():
    study = launched("ccr")
    pair = next(t for t in study.tasks.all() if t.system_a_id != t.system_b_id)
    null = next(t for t in study.tasks.all() if t.system_a_id == t.system_b_id)
    for name, score in (("bob", 3), ("carol", 1)):
        rater = make_rater(study, name)
        make_judgment(pair, rater, score=score, left="b")
        make_judgment(null, rater, score=2, left="a")
        make_judgment(null, rater, score=-1, left="b")
    assert table(study) == {"System 1": [2.0], "System 2": [-2.0]}
    assert table(study, 1) == {"System 1 over System 2": [2.0]}
    # The second over the first: -2 where a came first, -1 where a came second.
    assert table(study, 2) == {"The second over the first": [-1.5]}


def test_likert_has_a_mean_for_each_criterion():
    study = launched("likert", systems=1)
    task = study.tasks.first()
    for name, clear, correct in (("bob", 1, 4), ("carol", 2, 5)):
        answer = {"scores": {"clear": clear, "it_is_correct": correct}}
        Judgment.objects.create(
            study=study, task=task, rater=make_rater(study, name), answer=answer
        )
    assert table(study) == {"System 1": [1.5, 4.5]}


def test_mushra_has_a_mean_for_each_system_and_the_hidden_reference_apart():
    study = launched("mushra")
    bob = Rating(study)
    for scores in ([10, 20, 30, 100], [20, 40, 60, 90]):
        order = bob.slot.order
        bob.send(**{f"score_{i}": scores[place] for i, place in enumerate(order)})
    assert table(study) == {
        "System 1": [15.0],
        "System 2": [30.0],
        "System 3": [45.0],
    }
    assert table(study, 1) == {"Hidden reference": [95.0]}


def test_best_worst_has_shares_of_the_times_shown():
    study = launched("best_worst", systems=3, prompts=4)
    bob = Rating(study)
    for best, worst in ((0, 1), (0, 2), (0, 1), (2, 0)):
        order = bob.slot.order
        bob.send(best=order.index(best), worst=order.index(worst))
    assert table(study) == {
        "System 1": [0.75, 0.25, 0.5],
        "System 2": [0.0, 0.5, -0.5],
        "System 3": [0.25, 0.25, 0.0],
    }


def test_a_pairwise_study_has_shares_by_criterion_beside_its_fit():
    study = launched("criteria", systems=2)
    bob = Rating(study)
    for side, choice in (("a", "left"), ("b", "tie")):
        Assignment.objects.filter(pk=bob.slot.pk).update(left=side)
        bob.send(criterion_clear=choice, choice="right")
    report = build_report(study)
    assert report["standings"]
    assert table(study) == {"System 1": [0.75], "System 2": [0.25]}


def test_an_interval_ends_where_the_scale_does():
    for kind, low, high in (("mushra", 0, 100), ("ccr", -3, 3), ("best_worst", -1, 1)):
        for row in build_report(judged(kind, slug=kind))["tables"][0]["rows"]:
            for cell in row["cells"]:
                assert cell["low"] is None or low <= cell["low"] < cell["high"] <= high


def test_the_csv_has_one_line_a_mean_and_no_formula():
    study = judged("best_worst")
    study.systems.filter(slug="system-1").update(name="=1+1")
    text = FORMATS["csv"].render(build_report(study))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 4 * 3
    assert {row["name"] for row in rows} >= {"'=1+1", "System 2"}
    assert all(row["judgments"] == "4" for row in rows)


def test_the_json_is_plain_numbers():
    report = json.loads(FORMATS["json"].render(build_report(judged("mushra"))))
    cell = report["tables"][0]["rows"][0]["cells"][0]
    assert sorted(cell) == ["high", "judgments", "low", "value"]


def test_a_verdict_has_the_same_number_everywhere():
    assert [OUTCOMES[verdict] for verdict in VERDICTS] == [0, 1, 2, 3]
