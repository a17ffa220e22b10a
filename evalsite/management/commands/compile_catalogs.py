"""`manage.py compile_catalogs`: make the translations readable for gettext."""

from __future__ import annotations

from typing import Any

from evalsite.lib.catalogs import compile_stale_catalogs
from evalsite.lib.commands import EvalsiteCommand


class Command(EvalsiteCommand):
    help = "Compile the translations of raters' pages that changed since; `./run` does it."

    def handle(self, **_: Any) -> None:
        for path in compile_stale_catalogs():
            self.stdout.write(f"Compiled {path.parts[-3]}.")
