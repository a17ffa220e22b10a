"""`manage.py demo`: real prompts, outputs really generated, two studies open for rating."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from tqdm import tqdm

from evalsite.demo.build import Demo, build_demo, demo_raters, follow_outputs, score_demo
from evalsite.lib.commands import EvalsiteCommand


class Command(EvalsiteCommand):
    help = (
        "Build the demo: 24 prompts, three settings of SmolLM2-135M-Instruct, a pairwise and a "
        "MOS study, both open. Running it again changes nothing that is there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--queue-only", action="store_true", help="leave the generating to a running worker"
        )
        how.add_argument(
            "--follow", action="store_true", help="wait for a running worker, then score"
        )
        how.add_argument("--links", action="store_true", help="only print the links")

    def handle(self, *, queue_only: bool, follow: bool, links: bool, **_: Any) -> None:
        demo = build_demo()
        if links:
            self._print_links(demo)
            return
        if queue_only:
            return
        if not follow:
            call_command("run_generation_worker", drain=True)
        self._follow(demo)
        score_demo(demo)

    def _follow(self, demo: Demo) -> None:
        if not sys.stderr.isatty():
            for finished, total in follow_outputs(demo):
                if finished % 12 == 0 or finished == total:
                    self.stderr.write(f"{finished} of {total} outputs")
            return
        with tqdm(unit=" outputs", desc="Generating", leave=False) as bar:
            for finished, bar.total in follow_outputs(demo):
                bar.update(finished - bar.n)

    def _print_links(self, demo: Demo) -> None:
        for rater in demo_raters(demo):
            path = reverse("annotation:rate-enter", args=[rater.invite_token])
            protocol = rater.study.get_protocol_display().split(":")[0]
            self.stdout.write(f"  Rate ({protocol}): {settings.EVALSITE_URL}{path}")
