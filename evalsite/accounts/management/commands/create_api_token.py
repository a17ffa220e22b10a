"""`manage.py create_api_token`: a way in for a program."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from knox.models import AuthToken

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.owners import owner_named


class Command(EvalsiteCommand):
    help = "Print a new token for the API. Only its hash is stored: it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="default: the first superuser, else `researcher`")

    def handle(self, *, user: str | None, **_: Any) -> None:
        _row, token = AuthToken.objects.create(user=owner_named(user))
        self.stdout.write(token)
