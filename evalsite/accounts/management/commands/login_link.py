"""`manage.py login_link`: a way in without a password."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.urls import reverse

from evalsite.accounts.services import create_login_link
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.owners import owner_named


class Command(EvalsiteCommand):
    help = "Print a link that signs a researcher in, once, within 24 hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="default: the first superuser, else `researcher`")

    def handle(self, *, user: str | None, **_: Any) -> None:
        token = create_login_link(owner_named(user))
        self.stdout.write(settings.EVALSITE_URL + reverse("accounts:login-link", args=[token]))
