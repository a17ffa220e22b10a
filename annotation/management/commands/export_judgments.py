"""`manage.py export_judgments STUDY --format csv|jsonl|parquet`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from annotation.exchange import export_columns, export_kinds, export_records
from annotation.lookup import study_named
from annotation.models import Study
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import csv_lines, json_lines

_ROWS_IN_A_GROUP = 50_000


class Command(EvalsiteCommand):
    help = "Stream the study's judgments; import_judgments reads them back to the same report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--format", choices=["csv", "jsonl", "parquet"], default="csv")
        parser.add_argument("--output", type=Path, help="a file (default: the terminal)")

    def handle(self, *, study: str, format: str, output: Path | None, **_: Any) -> None:
        chosen = study_named(study)
        if format == "parquet":
            _write_parquet(chosen, output)
            return
        lines = csv_lines if format == "csv" else json_lines
        text = lines(export_columns(chosen), export_records(chosen))
        if output is None:
            self.stdout.writelines(text)
            return
        with output.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(text)


def _write_parquet(study: Study, output: Path | None) -> None:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise InputRefused(
            "pyarrow is not installed", expected="pip install 'evalsite[parquet]'"
        ) from None
    columns = export_columns(study)
    arrow = {int: pa.int16(), float: pa.float64()}
    kinds = {name: arrow[kind] for name, kind in export_kinds(study).items()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
    with ParquetWriter(output or sys.stdout.buffer, schema) as writer:
        for group in _groups(export_records(study)):
            rows = [{name: row.get(name) for name in columns} for row in group]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _groups(records: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while group := list(islice(records, _ROWS_IN_A_GROUP)):
        yield group
