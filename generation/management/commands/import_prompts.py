"""`manage.py import_prompts FILE --prompt-set SLUG`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.owners import owner_named
from evalsite.lib.tabular import read_rows
from generation.services import PROMPT_OPTIONAL, PROMPT_REQUIRED, create_prompt_set


class Command(EvalsiteCommand):
    help = (
        "Make a prompt set from a .csv or .jsonl file with the columns id, prompt and optionally "
        "category, reference, messages (chat turns), media, reference_media (files, relative to "
        "this one). The whole file is checked first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--prompt-set", required=True, help="slug of the new prompt set")
        parser.add_argument("--name", default="", help="its name (default: the slug)")
        parser.add_argument("--owner", help="whose it is (default: the first superuser)")

    def handle(
        self, *, file: Path, prompt_set: str, name: str, owner: str | None, **_: Any
    ) -> None:
        made = create_prompt_set(
            owner=owner_named(owner),
            name=name or prompt_set,
            slug=prompt_set,
            rows=read_rows(file, required=PROMPT_REQUIRED, optional=PROMPT_OPTIONAL),
            folder=file.parent,
        )
        self.stdout.write(f"{made.prompts.count()} prompts in {made.slug}")
