"""System checks: mistakes in the set-up, found before they cost an answer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from evalsite.lib.catalogs import stale_catalogs


@register(Tags.database)
def sqlite_is_durable(**_: Any) -> list[CheckMessage]:
    database = settings.DATABASES["default"]
    options = database.get("OPTIONS", {})
    if not database["ENGINE"].endswith("sqlite3"):
        return []
    if options.get("transaction_mode") != "IMMEDIATE":
        return [
            Error(
                "SQLite must use transaction_mode IMMEDIATE",
                hint="Deferred transactions fail with 'database is locked' under two writers.",
                id="evalsite.E001",
            )
        ]
    return []


@register(Tags.translation)
def catalogs_are_compiled(**_: Any) -> list[CheckMessage]:
    languages = sorted({path.parts[-3] for path in stale_catalogs()})
    if not languages:
        return []
    return [
        Warning(
            f"translations are not compiled: {', '.join(languages)}",
            hint="Raters would read English; run manage.py compile_catalogs.",
            id="evalsite.W001",
        )
    ]
