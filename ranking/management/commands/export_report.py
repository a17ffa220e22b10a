"""`manage.py export_report STUDY --format json|md|csv|html`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotation.lookup import study_named
from evalsite.lib.commands import EvalsiteCommand
from ranking.management.report_options import add_report_arguments, report_options
from ranking.reports import build_report
from ranking.reports.formats import FORMATS


class Command(EvalsiteCommand):
    help = "Write the study's report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--format", choices=FORMATS, default="json")
        parser.add_argument("--output", type=Path, help="a file (default: the terminal)")
        add_report_arguments(parser)

    def handle(self, *, study: str, format: str, output: Path | None, **arguments: Any) -> None:
        report = build_report(study_named(study), report_options(arguments))
        text = FORMATS[format].render(report)
        if output is None:
            self.stdout.write(text, ending="")
        else:
            output.write_text(text, encoding="utf-8")
