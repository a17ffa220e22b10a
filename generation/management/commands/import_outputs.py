"""`manage.py import_outputs FILE --prompt-set SLUG`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.tabular import read_rows
from generation.lookup import prompt_set_named
from generation.services import OUTPUT_OPTIONAL, OUTPUT_REQUIRED, import_outputs


class Command(EvalsiteCommand):
    help = (
        "Store outputs that were made elsewhere: a .csv or .jsonl file with the columns "
        "prompt_id, system (slug or name), output or media (a file, relative to this one), and "
        "optionally sample."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--prompt-set", required=True, help="slug")

    def handle(self, *, file: Path, prompt_set: str, **_: Any) -> None:
        over = prompt_set_named(prompt_set)
        rows = read_rows(file, required=OUTPUT_REQUIRED, optional=OUTPUT_OPTIONAL)
        count = import_outputs(owner=over.owner, prompt_set=over, rows=rows, folder=file.parent)
        self.stdout.write(f"{count} outputs")
