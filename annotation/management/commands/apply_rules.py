"""`manage.py apply_rules STUDY [--dry-run]`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from annotation.lookup import study_named
from annotation.models import Rater
from annotation.quality.applying import Application, apply_rules, preview_rules
from evalsite.lib.commands import EvalsiteCommand


class Command(EvalsiteCommand):
    help = (
        "Exclude what the study's rules hit: each exclusion is a row with its rule and reason, and "
        "nothing is deleted. What was lifted by hand stays lifted. Rules that look broken are "
        "named in lines that begin with ALARM."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--dry-run", action="store_true", help="say what would be excluded")

    def handle(self, *, study: str, dry_run: bool, **_: Any) -> None:
        found = study_named(study)
        done = preview_rules(found) if dry_run else apply_rules(found)
        names = dict(Rater.objects.filter(study=found).values_list("pk", "name"))
        for row in done.new:
            what = f" (judgment {row.judgment})" if row.judgment else ""
            self.stdout.write(f"{row.rule}: {names[row.rater]}{what}: {row.reason}")
        self._say_totals(done, "would be excluded" if dry_run else "excluded")

    def _say_totals(self, done: Application, what: str) -> None:
        self.stdout.write(
            f"{what}: {done.raters} raters, {done.judgments} single judgments; excluded "
            f"before: {done.standing}; lifted, and left so: {done.lifted}"
        )
        for alarm in done.alarms:
            self.stdout.write(f"ALARM: {alarm}")
