"""`manage.py add_tasks STUDY [--count N] [--rule arena|resistance] [--keep N]`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from annotation.lookup import study_named
from annotation.rounds import RULE
from evalsite.lib.commands import EvalsiteCommand
from ranking.services import ask_next_pairs
from ranking.stats.pairing import RULES


class Command(EvalsiteCommand):
    help = "Ask the next round of an adaptive study: the pairs from which most is learned."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--count", type=int, help="tasks (default: as the plan says)")
        parser.add_argument("--rule", choices=RULES, default=RULE, help=f"default: {RULE}")
        parser.add_argument("--keep", type=int, metavar="N",
                            help="only while fewer than N judgments are open (cron)")  # fmt: skip

    def handle(
        self, *, study: str, count: int | None, rule: str, keep: int | None, **_: Any
    ) -> None:
        found = study_named(study)
        added = ask_next_pairs(found, count=count, rule=rule, keep=keep)
        found.refresh_from_db()
        self.stdout.write(f"{added} tasks added; {found.tasks_to_come} of the budget are left")
