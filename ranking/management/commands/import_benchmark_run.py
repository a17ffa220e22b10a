"""`manage.py import_benchmark_run PATH [--system SLUG]`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.owners import owner_named
from generation.lookup import system_named
from ranking.benchmarks.lm_eval import MAX_BYTES, find_results
from ranking.services import import_benchmark_file


class Command(EvalsiteCommand):
    help = (
        "Import results of lm-evaluation-harness (a results_*.json, or a folder of them). The "
        "system is taken from the file's model name, or named by --system."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--system", help="slug of the system that was measured")
        parser.add_argument(
            "--harness-version", default="", help="for files that do not say it themselves"
        )
        parser.add_argument("--owner", help="whose systems (default: the first superuser's)")

    @write_transaction()
    def handle(
        self,
        *,
        path: Path,
        system: str | None,
        harness_version: str,
        owner: str | None,
        **_: Any,
    ) -> None:
        target = system_named(system) if system else None
        for file in find_results(path):
            runs = import_benchmark_file(
                owner=target.owner if target else owner_named(owner),
                name=file.name,
                content=_content(file),
                system=target,
                harness_version=harness_version,
            )
            for run in runs:
                self.stdout.write(f"{run}: {run.scores.count()} scores")


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputRefused(
            f"cannot be read ({error.strerror})", expected="a readable file", file=file.name
        ) from None
