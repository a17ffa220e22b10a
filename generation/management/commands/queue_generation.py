"""`manage.py queue_generation --system SLUG --prompt-set SLUG`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from evalsite.lib.commands import EvalsiteCommand
from generation.lookup import prompt_set_named, system_named
from generation.services import queue_generation


class Command(EvalsiteCommand):
    help = "Queue one output a prompt and sample; what exists already is left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--system", required=True, help="slug")
        parser.add_argument("--prompt-set", required=True, help="slug")
        parser.add_argument("--samples", type=int, default=1)
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *, system: str, prompt_set: str, samples: int, seed: int, **_: Any) -> None:
        job = queue_generation(
            system=system_named(system),
            prompt_set=prompt_set_named(prompt_set),
            samples=samples,
            seed=seed,
        )
        self.stdout.write(f"job {job.pk}: {job.outputs.count()} outputs queued")
