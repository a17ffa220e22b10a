"""The base of every management command: one clear line on bad input, and exit status 2."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evalsite.lib.exceptions import EvalsiteError


class OneLineParser(CommandParser):
    """Says what is wrong with the arguments, and leaves the usage to --help."""

    def error(self, message: str) -> NoReturn:
        if self.called_from_command_line:
            self.exit(2, f"{self.prog}: {message} (--help explains)\n")
        raise CommandError(f"Error: {message}")


class EvalsiteCommand(BaseCommand):
    """Print a domain error as one line on stderr and exit 2; nothing was changed."""

    #: Commands are scripted; warnings of the system checks belong to `manage.py check`.
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        # Django names the parser's class in its own code and offers no other way.
        parser.__class__ = OneLineParser
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except EvalsiteError as error:
            self.stderr.write(" ".join(str(error).split()))
            sys.exit(2)
