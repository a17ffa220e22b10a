"""`manage.py invite_raters STUDY --count N`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.urls import reverse

from annotation.lookup import study_named
from annotation.services import invite_raters
from evalsite.lib.commands import EvalsiteCommand


class Command(EvalsiteCommand):
    help = "Make raters and print their links, one a line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--count", type=int, default=1)

    def handle(self, *, study: str, count: int, **_: Any) -> None:
        for rater in invite_raters(study_named(study), count=count):
            path = reverse("annotation:rate-enter", args=[rater.invite_token])
            self.stdout.write(settings.EVALSITE_URL + path)
