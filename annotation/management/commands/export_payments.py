"""`manage.py export_payments STUDY --format csv|jsonl`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from annotation.lookup import study_named
from annotation.payments import COLUMNS, payment_records
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.tabular import csv_lines, json_lines


class Command(EvalsiteCommand):
    help = (
        "Write who is owed what: one row for each rater who has begun, with platform id, outcome, "
        "judgments, checks, minutes on tasks, pay and bonus. No cell is a formula."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--format", choices=["csv", "jsonl"], default="csv")

    def handle(self, *, study: str, format: str, **_: Any) -> None:
        lines = csv_lines if format == "csv" else json_lines
        self.stdout.writelines(lines(COLUMNS, payment_records(study_named(study))))
