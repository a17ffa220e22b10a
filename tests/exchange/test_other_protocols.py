"""Files of the wider protocols: what they hold, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from annotation.models import Judgment, Study
from tests.exchange.test_bad_judgments import refused, write_rows

pytestmark = pytest.mark.django_db

DCR = {"protocol": "dcr", "prompt_id": "p", "system": "x", "score": 4, "rater": "r"}
CCR = {"prompt_id": "p", "system_a": "x", "system_b": "y", "score": -2, "rater": "r"}
LIKERT = {"prompt_id": "p", "system": "x", "criterion_clear": 7, "criterion_right": 1, "rater": "r"}
BEST = {"prompt_id": "p", "systems": ["x", "y", "z"], "best": "z", "worst": "x", "rater": "r"}
MUSHRA = {"prompt_id": "p", "systems": ["x", "y"], "scores": [80, 20], "rater": "r"}


def imported(tmp_path: Path, *rows: dict[str, Any], create: bool = True) -> Study:
    file = write_rows(tmp_path / "rows.jsonl", *rows)
    call_command("import_judgments", file, study="fresh", create=create, verbosity=0)
    return Study.objects.get(slug="fresh")


@pytest.mark.parametrize(
    ("row", "protocol", "answer"),
    [
        (DCR, "dcr", {"score": 4}),
        (CCR, "ccr", {"score": -2}),
        (LIKERT, "likert", {"answer": {"scores": {"clear": 7, "right": 1}}}),
        (BEST, "best_worst", {"answer": {"best": 2, "worst": 0}}),
        (MUSHRA, "mushra", {"answer": {"scores": [80, 20]}}),
        ({**MUSHRA, "reference": 100}, "mushra", {"answer": {"scores": [80, 20, 100]}}),
    ],
)
def test_the_columns_tell_the_protocol(tmp_path, row, protocol, answer):
    study = imported(tmp_path, row)
    assert study.protocol == protocol
    judgment = study.judgments.get()
    assert {name: getattr(judgment, name) for name in answer} == answer
    assert study.question


def test_the_other_order_of_systems_is_turned(tmp_path):
    turned = {**CCR, "system_a": "y", "system_b": "x", "score": 2, "left": "a"}
    imported(tmp_path, {**CCR, "left": "a"}, turned)
    rows = [(j.score, j.left) for j in Judgment.objects.order_by("pk")]
    assert rows == [(-2, "a"), (-2, "b")]
    assert Study.objects.get().tasks.count() == 1


def test_groups_in_another_order_are_the_same_task(tmp_path):
    turned = {**BEST, "systems": ["z", "x", "y"], "shown": ["y", "z", "x"]}
    study = imported(tmp_path, BEST, turned, {**BEST, "systems": ["w", "x", "y"], "best": "w"})
    assert study.tasks.count() == 2
    assert sorted(study.tasks.values_list("group", flat=True)) == [0, 1]
    one, same, _ = study.judgments.order_by("pk")
    assert same.answer == {**one.answer, "order": [1, 2, 0]}
    assert same.task == one.task


def test_scores_follow_their_systems(tmp_path):
    rows = [
        {**MUSHRA, "reference": 90},
        {"systems": ["y", "x"], "scores": [20, 80], "shown": [None, "y", "x"], "reference": 90},
    ]
    study = imported(tmp_path, rows[0], {**rows[0], **rows[1]})
    one, same = study.judgments.order_by("pk")
    assert one.answer["scores"] == same.answer["scores"] == [80, 20, 90]
    assert same.answer["order"] == [2, 1, 0]


def test_criteria_and_strength_of_a_pair_are_turned_with_it(tmp_path):
    row = {"prompt_id": "p", "system_a": "x", "system_b": "y", "verdict": "a", "rater": "r"}
    turned = {**row, "system_a": "y", "system_b": "x", "criterion_clear": "b"}
    study = imported(tmp_path, {**row, "criterion_clear": "tie"}, turned)
    found = [(j.verdict, j.answer["criteria"]["clear"]) for j in study.judgments.order_by("pk")]
    assert found == [("a", "tie"), ("b", "a")]


def test_a_null_pair_is_kept_in_ccr(tmp_path):
    study = imported(tmp_path, {**CCR, "system_b": "x"}, CCR)
    assert [j.score for j in study.judgments.order_by("pk")] == [-2, -2]
    assert study.tasks.count() == 2


@pytest.mark.parametrize(
    ("row", "change", "words"),
    [
        (DCR, {"protocol": "magic"}, "protocol is 'magic'; expected one of pairwise, mos"),
        (DCR, {"score": 6}, "score is 6; expected a number from 1 to 5"),
        (CCR, {"score": -4}, "score is -4; expected a number from -3 to 3"),
        (CCR, {"score": 1.5}, "score is 1.5; expected a whole number"),
        (LIKERT, {"criterion_clear": 0}, "criterion_clear is 0"),
        (LIKERT, {"criterion_clear": 11}, "criterion_clear is 11"),
        (LIKERT, {"criterion_clear": ""}, "criterion_clear is ''"),
        (BEST, {"best": "w"}, "best is 'w'; expected one of x, y, z"),
        (BEST, {"best": "x"}, "best and worst are the same"),
        (BEST, {"systems": ["x", "y"]}, "2 systems; expected 3 to 5"),
        (BEST, {"systems": ["x", "x", "z"]}, "systems names one twice"),
        (BEST, {"systems": "x, y, z"}, "systems is no list; expected a JSON list"),
        (BEST, {"systems": [1, 2, 3]}, "systems holds no names"),
        (BEST, {"systems": ["x", "y", "z\x00"]}, "systems holds no names"),
        (BEST, {"systems": ["x", "y", "z" * 201]}, "systems holds no names"),
        (BEST, {"shown": ["x", "y"]}, "shown does not fit"),
        (MUSHRA, {"scores": [80]}, "scores does not fit; expected a JSON list of 2"),
        (MUSHRA, {"scores": [80, 101]}, "scores does not fit"),
        (MUSHRA, {"scores": [80, True]}, "scores does not fit"),
        (MUSHRA, {"scores": "[" * 100_000}, "scores is no list"),
        (MUSHRA, {"left": "a"}, "left is 'a'; expected a, b or nothing"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(capsys, tmp_path, row, change, words):
    file = write_rows(tmp_path / "rows.jsonl", row, {**row, **change})
    line = refused(capsys, file)
    assert line.startswith("rows.jsonl:2: ")
    assert words in line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{", "options is not JSON"),
        ("[]", "options is []; expected a table"),
        ('{"criteria": []}', "option criteria is missing"),
        ("[" * 100_000, "options is not JSON"),
    ],
)
def test_options_in_a_file_are_checked_like_any_others(capsys, tmp_path, options, words):
    line = refused(capsys, write_rows(tmp_path / "rows.jsonl", {**LIKERT, "options": options}))
    assert line.startswith("rows.jsonl:1: ")
    assert words in line


@pytest.mark.parametrize("row", [DCR, CCR, LIKERT, BEST, MUSHRA])
def test_a_row_of_another_protocol_is_refused(capsys, tmp_path, row):
    pair = {"prompt_id": "p", "system_a": "x", "system_b": "y", "verdict": "a", "rater": "r"}
    imported(tmp_path, pair)
    file = write_rows(tmp_path / "other.jsonl", row)
    assert "of another protocol; expected a pairwise" in refused(capsys, file, create=False)


def test_lists_in_a_csv_are_json(tmp_path):
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, MUSHRA)
        writer.writeheader()
        writer.writerow(
            {**MUSHRA, "systems": json.dumps(['x "1", the first', "y"]), "scores": "[1, 2]"}
        )
    call_command("import_judgments", file, study="fresh", create=True, verbosity=0)
    assert Study.objects.get().systems.filter(name='x "1", the first').exists()
    assert Judgment.objects.get().answer == {"scores": [1, 2]}
