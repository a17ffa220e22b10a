"""`manage.py import_gold FILE --study SLUG`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotation.gold_files import OPTIONAL, REQUIRED, import_gold
from annotation.lookup import study_named
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.tabular import read_rows


class Command(EvalsiteCommand):
    help = (
        "Add tasks with a known answer to a draft, from a .csv or .jsonl file: prompt_id, "
        "system_a and system_b (or system), expected (one or more answers, separated by |), "
        "kind, and optionally feedback. Judgments on them never count in a result. The whole "
        "file is checked first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--study", required=True, help="slug of a draft")

    def handle(self, *, file: Path, study: str, **_: Any) -> None:
        rows = read_rows(file, required=REQUIRED, optional=OPTIONAL)
        self.stdout.write(f"{import_gold(study_named(study), rows)} tasks with a known answer")
