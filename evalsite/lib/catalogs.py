"""Catalogs of translations: written as `.po` by people, read as `.mo` by gettext."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.apps import apps


def compile_stale_catalogs() -> list[Path]:
    """Compile every app's catalogs that changed since; return those."""
    stale = list(stale_catalogs())
    for path in stale:
        with path.open("rb") as source:
            catalog = read_po(source, locale=path.parts[-3])
        # Whole or not at all: another process may be reading it.
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as target:
            write_mo(target, catalog)
        part.replace(_compiled(path))
    return stale


def stale_catalogs() -> Iterator[Path]:
    for app in apps.get_app_configs():
        if app.name.partition(".")[0] == "django":
            continue
        for path in sorted(Path(app.path).glob("locale/*/LC_MESSAGES/django.po")):
            compiled = _compiled(path)
            if not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime:
                yield path


def _compiled(path: Path) -> Path:
    return path.with_suffix(".mo")
