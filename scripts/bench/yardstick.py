"""The least Django app that stores a vote and serves the next task, if its folder is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bench.raters import Crowd, VoteClient
from scripts.bench.servers import Server, serving

RATERS = 200
#: Its own settings, on this run's database and without packages that are not installed.
_SETTINGS = """
from importlib.util import find_spec
import dj_database_url
from settings import *
INSTALLED_APPS = [app for app in INSTALLED_APPS if find_spec(app.split(".")[0])]
STATICFILES_DIRS = []
if {url!r}:
    DATABASES = {{"default": dj_database_url.parse({url!r}, conn_max_age=None)}}
"""


@contextmanager
def yardstick_crowd(
    source: Path, *, folder: Path, url: str, cpu: Callable[[Server], float]
) -> Iterator[Crowd]:
    """Serve a copy of the folder, as durable as ours on SQLite, to raters of its `/vote_gated`."""
    copy = folder / "yardstick"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*.sqlite3*", "__pycache__"))
    (copy / "bench_settings.py").write_text(_SETTINGS.format(url=url))
    environment = {
        "DJANGO_SETTINGS_MODULE": "bench_settings", "BENCH_GATE": "1", "BENCH_SYNC": "FULL",
        "PYTHONPATH": str(copy),
    }  # fmt: skip
    for command in ("migrate", "seed"):
        subprocess.run(  # noqa: S603
            [sys.executable, "-W", "ignore", "manage.py", command],
            cwd=copy, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    with serving("wsgi", folder=copy, environment=environment) as server:
        clients = [VoteClient(server.port, "/vote_gated", f"r{i + 1}") for i in range(RATERS)]
        yield Crowd(clients, lambda: cpu(server))
