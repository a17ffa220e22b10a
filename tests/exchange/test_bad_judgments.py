"""A file with one bad row is refused in one line, and nothing of it is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command

pytestmark = pytest.mark.django_db

GOOD = {"prompt_id": "p", "system_a": "x", "system_b": "y", "verdict": "a", "rater": "r"}


def everything() -> dict[str, int]:
    return {
        m.__name__: m._default_manager.count() for m in apps.get_models() if m.__name__ != "User"
    }


def refused(capsys, file: Path, *, study: str = "fresh", create: bool = True) -> str:
    """Run the command; return its one line after checking status and database."""
    before = everything()
    with pytest.raises(SystemExit) as ended:
        call_command("import_judgments", file, study=study, create=create)
    assert ended.value.code == 2
    assert everything() == before
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return str(lines[0])


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "left"}, "verdict is 'left'; expected one of a, b, tie, both_bad"),
        ({"verdict": 1}, "verdict is '1'"),
        ({"rater": ""}, "rater is empty"),
        ({"rater": None}, "rater is empty"),
        ({"rater": ["r"]}, "rater is a list"),
        ({"system_b": "x"}, "system_a and system_b are both 'x'"),
        ({"left": "c"}, "left is 'c'; expected a, b or nothing"),
        ({"seconds": -1}, "seconds is -1"),
        ({"seconds": "soon"}, "seconds is 'soon'"),
        ({"created_at": "yesterday"}, "created_at is 'yesterday'"),
        ({"created_at": "2026-02-31T00:00:00"}, "created_at is"),
        ({"prompt_id": "x" * 300}, "prompt_id has 300 characters"),
        ({"comment": "nul \x00"}, "comment holds a NUL character"),
        ({"prompt_id": "p", "surprise": 1}, ""),
    ],
)
def test_a_bad_value_names_file_line_and_what_was_expected(capsys, tmp_path, change, words):
    rows = [GOOD, GOOD, {**GOOD, **change}]
    if "surprise" in change:
        rows, words = [{**GOOD, **change}], "unknown column 'surprise'"
    line = refused(capsys, write_rows(tmp_path / "votes.jsonl", *rows))
    assert line.startswith(f"votes.jsonl:{len(rows)}: ")
    assert words in line
    assert "; expected " in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file holds no rows"),
        (b"prompt_id,system_a,system_b,verdict\np,x,y,a\n", "column rater is missing"),
        (b"prompt_id,system_a,system_b,verdict,rater\np,x,y,a\n", "4 fields; expected 5 fields"),
        (b"prompt_id,system_a,system_b,verdict,rater\np,x,y,a,\xff\n", "is not UTF-8"),
        (b"prompt_id,prompt_id,system_a,verdict,rater\n", "a column name occurs twice"),
        (b'prompt_id,system_a,system_b,verdict,rater\n"p,x,y,a,r\n', "not CSV"),
        (b"prompt_id,rater\np,r\n", "column system is missing"),
    ],
)
def test_a_bad_csv_file_is_refused(capsys, tmp_path, content, words):
    file = tmp_path / "votes.csv"
    file.write_bytes(content)
    assert words in refused(capsys, file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"score": NaN}', "NaN is not a number in JSON"),
        ("[1]", "the line is a list"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_bad_json_line_is_refused(capsys, tmp_path, content, words):
    file = tmp_path / "votes.jsonl"
    file.write_text(json.dumps(GOOD) + "\n" + content + "\n")
    line = refused(capsys, file)
    assert line.startswith("votes.jsonl:2: ")
    assert words in line


def test_a_line_of_200_megabytes_is_refused_without_being_held(capsys, tmp_path):
    import tracemalloc

    file = tmp_path / "votes.jsonl"
    with file.open("wb") as stream:
        for _ in range(200):
            stream.write(b"x" * 2**20)
    tracemalloc.start()
    assert "the line is too long" in refused(capsys, file)
    assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    tracemalloc.stop()


def test_a_missing_or_unknown_file_is_refused(capsys, tmp_path):
    assert "cannot be read" in refused(capsys, tmp_path / "none.csv")
    file = tmp_path / "votes.xlsx"
    file.write_bytes(b"PK")
    assert "unknown kind of file '.xlsx'" in refused(capsys, file)


def test_without_create_an_unknown_name_is_refused(capsys, tmp_path):
    file = write_rows(tmp_path / "good.jsonl", GOOD)
    call_command("import_judgments", file, study="fresh", create=True, verbosity=0)
    for change, words in [
        ({"rater": "stranger"}, "unknown rater 'stranger'"),
        ({"system_a": "z"}, "unknown system 'z'"),
        ({"prompt_id": "q"}, "unknown prompt_id 'q'"),
    ]:
        bad = write_rows(tmp_path / "bad.jsonl", GOOD, {**GOOD, **change})
        assert words in refused(capsys, bad, create=False)
    mos = {"prompt_id": "p", "system": "x", "score": 3, "rater": "r"}
    assert "another protocol" in refused(
        capsys, write_rows(tmp_path / "mos.jsonl", mos), create=False
    )
    assert "unknown study 'none'" in refused(capsys, file, study="none", create=False)


def test_the_other_order_of_a_pair_is_turned_and_a_repeat_is_kept(tmp_path):
    from annotation.models import Judgment
    from ranking.reports import build_report

    flipped = {**GOOD, "system_a": "y", "system_b": "x", "verdict": "a", "left": "a"}
    file = write_rows(tmp_path / "v.jsonl", {**GOOD, "left": "a"}, flipped, GOOD)
    call_command("import_judgments", file, study="fresh", create=True, verbosity=0)
    rows = [(j.verdict, j.left) for j in Judgment.objects.order_by("pk")]
    assert rows == [("a", "a"), ("b", "b"), ("a", "")]
    assert build_report(Judgment.objects.first().study)["counts"]["repeats"] == 2
