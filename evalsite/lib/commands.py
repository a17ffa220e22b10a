"""The base of every management command: one clear line on bad input, and exit status 2."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from evalsite.lib.exceptions import EvalsiteError


class EvalsiteCommand(BaseCommand):
    """Print a domain error as one line on stderr and exit 2; nothing was changed."""

    #: Commands are scripted; warnings of the system checks belong to `manage.py check`.
    requires_system_checks: list[str] = []

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except EvalsiteError as error:
            self.stderr.write(" ".join(str(error).split()))
            sys.exit(2)
