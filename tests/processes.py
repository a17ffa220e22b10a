"""Real processes of ours, on the database of the running test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).parents[1]


def database_url() -> str:
    """Return the URL of the test's own database, for another process."""
    database = connection.settings_dict
    name = str(database["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    host = quote(str(database["HOST"]), safe="")
    return f"postgres://{database['USER']}@{host}/{name}"


def spawn(
    *arguments: str, environment: dict[str, str] | None = None, **kwargs: Any
) -> subprocess.Popen[str]:
    """Start `manage.py ARGUMENTS`; the caller waits for it or ends it."""
    return subprocess.Popen(
        [sys.executable, ROOT / "manage.py", *arguments],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "evalsite.settings",
            "DATABASE_URL": database_url(),
            "EVALSITE_SECRET_KEY": settings.SECRET_KEY,
            "EVALSITE_DATA": str(settings.DATA_DIR),
            "OMP_NUM_THREADS": "1",
            **(environment or {}),
        },
        text=True,
        **kwargs,
    )


def run_manage(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run `manage.py ARGUMENTS` to its end and return what it said."""
    process = spawn(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
