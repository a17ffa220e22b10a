"""`manage.py invite_raters STUDY --count N`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.urls import reverse

from annotation.joining import open_link
from annotation.lookup import study_named
from annotation.models import OpenLink, Study
from annotation.platforms import link_path
from annotation.services import invite_raters
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.exceptions import InputRefused


class Command(EvalsiteCommand):
    help = (
        "Make raters and print their links, one a line: each is one person's. With --open, make "
        "and print one link that admits raters until --cap have come."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--count", type=int, help="personal links (default: 1)")
        parser.add_argument("--open", action="store_true", help="one link for many")
        parser.add_argument("--cap", type=int, help="with --open: how many it admits")
        parser.add_argument("--group", default="", help="results can be read by group of raters")
        parser.add_argument(
            "--platform",
            choices=[value for value in OpenLink.Platform.values if value],
            help="with --open: whose ids stand in the address",
        )

    def handle(
        self,
        *,
        study: str,
        count: int | None,
        open: bool,
        cap: int | None,
        group: str,
        platform: str | None,
        **_: Any,
    ) -> None:
        chosen = study_named(study)
        if open and (cap is None or count is not None):
            raise InputRefused("--open without --cap, or with --count", expected="--open --cap N")
        if not open and (cap is not None or platform is not None):
            raise InputRefused("--cap or --platform without --open", expected="--open --cap N")
        paths = (
            [link_path(open_link(chosen, cap=cap, platform=platform or "", group=group))]
            if cap is not None
            else _personal_paths(chosen, 1 if count is None else count, group)
        )
        for path in paths:
            self.stdout.write(settings.EVALSITE_URL + path)


def _personal_paths(study: Study, count: int, group: str) -> list[str]:
    raters = invite_raters(study, count=count, group=group)
    return [reverse("annotation:rate-enter", args=[rater.invite_token]) for rater in raters]
