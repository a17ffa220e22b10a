"""`manage.py score_outputs --prompt-set SLUG`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from evalsite.lib.commands import EvalsiteCommand
from generation.lookup import prompt_set_named, system_named
from generation.models import System
from ranking.services import score_outputs


class Command(EvalsiteCommand):
    help = "Measure exact match of outputs on the prompts that have a reference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prompt-set", required=True, help="slug")
        parser.add_argument("--system", help="slug (default: all that have outputs for it)")

    def handle(self, *, prompt_set: str, system: str | None, **_: Any) -> None:
        over = prompt_set_named(prompt_set)
        having = System.objects.filter(outputs__prompt__prompt_set=over).distinct()
        for measured in [system_named(system)] if system else having:
            run = score_outputs(system=measured, prompt_set=over)
            for score in run.scores.all():
                self.stdout.write(f"{measured.slug}: {score} of {run.size}")
