"""8,931 real judgments go in through the command and give the published strengths."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from annotation.models import Study
from ranking.reports import build_report
from ranking.reports.formats import FORMATS

pytestmark = pytest.mark.django_db

VERDICTS = {"left": "a", "right": "b", "tie": "tie"}


@pytest.fixture
def judgments(shared_data: Path, tmp_path: Path) -> Path:
    """The votes with our column names."""
    source = shared_data / "llmfao" / "crowd-comparisons.csv"
    target = tmp_path / "judgments.csv"
    with source.open() as votes, target.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt_id", "system_a", "system_b", "verdict", "rater", "left"])
        for vote in csv.DictReader(votes):
            writer.writerow(
                [
                    vote["prompt"],
                    vote["left"],
                    vote["right"],
                    VERDICTS[vote["winner"]],
                    vote["worker"],
                    "a",
                ]
            )
    return target


def golden(shared_data: Path) -> dict[str, float]:
    with (shared_data / "llmfao" / "evalica-llmfao-golden.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["algorithm"] == "bradley_terry"]
    logs = np.log([float(row["score"]) for row in rows])
    return dict(zip([row["item"] for row in rows], logs - logs.mean(), strict=True))


def test_the_strengths_match_the_golden_file(shared_data, judgments):
    call_command("import_judgments", judgments, study="llmfao", create=True, verbosity=0)
    report = build_report(Study.objects.get())
    counts = report["counts"]
    assert (counts["judgments"], counts["raters"], counts["prompts"]) == (8931, 124, 13)
    assert counts["ties"] == 3471
    expected = golden(shared_data)
    found = {row["name"]: row["strength"] for row in report["standings"]}
    assert found.keys() == expected.keys()
    assert max(abs(found[name] - expected[name]) for name in found) < 1e-6
    assert [len(group) for group in report["groups"]] == [59]
    for form in FORMATS.values():
        assert "GPT 4" in form.render(report)


def test_what_is_exported_comes_back_to_the_same_report(judgments, tmp_path):
    call_command("import_judgments", judgments, study="one", create=True, verbosity=0)
    for form in ("csv", "jsonl"):
        file = tmp_path / f"out.{form}"
        call_command("export_judgments", "one", format=form, output=file)
        call_command("import_judgments", file, study=f"two-{form}", create=True, verbosity=0)
        one, two = (build_report(Study.objects.get(slug=s)) for s in ("one", f"two-{form}"))
        for key in ("counts", "position", "agreement"):
            assert one[key] == two[key]
        strengths = [
            {row["name"]: round(row["strength"], 12) for row in report["standings"]}
            for report in (one, two)
        ]
        assert strengths[0] == strengths[1]


def test_parquet_holds_what_csv_holds(judgments, tmp_path):
    from pyarrow.parquet import read_table

    call_command("import_judgments", judgments, study="one", create=True, verbosity=0)
    call_command("export_judgments", "one", format="csv", output=tmp_path / "out.csv")
    call_command("export_judgments", "one", format="parquet", output=tmp_path / "out.parquet")
    table = read_table(tmp_path / "out.parquet")
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert table.column_names == list(rows[0])
    for column in ("prompt_id", "system_a", "verdict", "rater", "left", "created_at"):
        assert table.column(column).to_pylist() == [row[column] for row in rows]
