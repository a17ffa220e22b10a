"""`manage.py export_report STUDY --format json|md|csv`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotation.lookup import study_named
from evalsite.lib.commands import EvalsiteCommand
from ranking.reports import Options, build_report
from ranking.reports.formats import FORMATS


class Command(EvalsiteCommand):
    help = "Write the study's report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--format", choices=FORMATS, default="json")
        parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
        parser.add_argument("--output", type=Path, help="a file (default: the terminal)")

    def handle(self, *, study: str, format: str, seed: int, output: Path | None, **_: Any) -> None:
        text = FORMATS[format].render(build_report(study_named(study), Options(seed=seed)))
        if output is None:
            self.stdout.write(text, ending="")
        else:
            output.write_text(text, encoding="utf-8")
