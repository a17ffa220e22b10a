"""A web server of its own for each measurement, and the CPU time that it takes (Linux)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
#: As `./run` serves.
WORKERS, THREADS = 2, 4


@contextmanager
def serving(application: str, *, folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Run gunicorn on a free port of the loopback; `folder` is where the application lies."""
    port = _free_port()
    command = [
        sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--workers", str(WORKERS), "--threads", str(THREADS),
        "--keep-alive", "60", "--log-level", "error",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, env=os.environ | environment)  # noqa: S603
    try:
        _wait_until_up(port, process)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


class Server:
    """A running server: where it listens, and what its processes have cost so far."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self._pid = pid

    def cpu_seconds(self) -> float:
        return cpu_of_tree(self._pid)


def cpu_of_tree(root: int) -> float:
    """Return the CPU seconds of a process and all below it, user and system."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        children.setdefault(int(after_name[1]), []).append(int(folder.name))
        ticks[int(folder.name)] = int(after_name[11]) + int(after_name[12])
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        total += ticks.get(pid, 0)
        waiting += children.get(pid, [])
    return total / _TICK


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit("bench: the server did not start")
