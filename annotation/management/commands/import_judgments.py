"""`manage.py import_judgments FILE --study SLUG [--create]`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotation.exchange import (
    COLUMNS,
    PREFIXES,
    create_study_with_judgments,
    import_judgments,
)
from annotation.lookup import study_named
from annotation.models import Study
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.owners import owner_named
from evalsite.lib.tabular import read_rows


class Command(EvalsiteCommand):
    help = (
        "Store judgments made elsewhere, from a .csv or .jsonl file. Pairwise: prompt_id, "
        "system_a, system_b, verdict (a, b, tie, both_bad), rater and optionally left, group, "
        "judge (yes or no: an automated one), category, seconds, comment, created_at, excluded. "
        "MOS: prompt_id, system, score, rater. Other protocols: the columns that "
        "export_judgments writes. The whole file is checked first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--study", required=True, help="slug")
        parser.add_argument(
            "--create",
            action="store_true",
            help="make the study, systems, prompts and raters that are missing",
        )
        parser.add_argument("--owner", help="of a new study (default: the first superuser)")

    def handle(self, *, file: Path, study: str, create: bool, owner: str | None, **_: Any) -> None:
        rows = read_rows(file, required=("prompt_id", "rater"), optional=COLUMNS, prefixes=PREFIXES)
        if create and not Study.objects.filter(slug=study).exists():
            made = create_study_with_judgments(owner=owner_named(owner), slug=study, rows=rows)
            count = made.judgments.count()
        else:
            count = import_judgments(study=study_named(study), rows=rows, create=create)
        self.stdout.write(f"{count} judgments")
