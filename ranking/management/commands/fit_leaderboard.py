"""`manage.py fit_leaderboard STUDY`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from annotation.lookup import study_named
from evalsite.lib.commands import EvalsiteCommand
from ranking.management.report_options import add_report_arguments, report_options
from ranking.services import fit_leaderboard


class Command(EvalsiteCommand):
    help = "Fit the study's judgments and keep the leaderboard."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        add_report_arguments(parser)

    def handle(self, *, study: str, **arguments: Any) -> None:
        leaderboard = fit_leaderboard(study_named(study), report_options(arguments))
        self.stdout.write(f"{leaderboard} from {leaderboard.judgment_count} judgments")
        self.stdout.write(leaderboard.report["headline"])
