"""`manage.py worker_role NAME | psql`."""

from __future__ import annotations

import re
import secrets
from argparse import ArgumentParser
from typing import Any
from urllib.parse import quote

from django.db import connection

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.exceptions import InputRefused
from generation.worker_role import role_sql


class Command(EvalsiteCommand):
    help = (
        "Print the SQL that makes a PostgreSQL role for workers on other machines, with no right "
        "but to lease, read and finish outputs. Its DATABASE_URL, all that such a worker needs, "
        "goes to the terminal's error stream: manage.py worker_role gpu | psql evalsite"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *, name: str, **_: Any) -> None:
        if connection.vendor != "postgresql":
            raise InputRefused("SQLite has no roles", expected="a DATABASE_URL of PostgreSQL")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
            raise InputRefused(
                f"the role {name!r} is not a name", expected="lower-case letters, digits and _"
            )
        database, password = connection.settings_dict, secrets.token_urlsafe(32)
        place = quote(str(database["HOST"] or "localhost"), safe="")
        place += f":{database['PORT']}" if database["PORT"] else ""
        for statement in role_sql(name=name, password=password, database=database["NAME"]):
            self.stdout.write(f"{statement};")
        url = f"postgres://{name}:{password}@{place}/{quote(str(database['NAME']), safe='')}"
        self.stderr.write(f"DATABASE_URL={url}")
