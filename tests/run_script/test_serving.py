"""`./run` for real: links that work, all stopped at the end, nothing lost at the next start."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

THE_TESTS_OWN = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}

pytestmark = pytest.mark.model


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(data: Path, port: int) -> Iterator[list[str]]:
    """Start the script, yield its lines up to the last link, and interrupt it as Ctrl-C does."""
    process = subprocess.Popen(
        [ROOT / "run", "--port", str(port)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k not in THE_TESTS_OWN}
        | {"EVALSITE_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Where these tests run in the background, SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line.strip())
            if "Rate (MOS)" in line:
                break
        yield lines
        process.send_signal(signal.SIGINT)
        process.stdout.read()  # until every child has closed it
        process.wait(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def links(lines: list[str]) -> list[str]:
    return re.findall(r"http://127\.0\.0\.1:\d+/(?:r|accounts)/\S+", "\n".join(lines))


def body(url: str) -> str:
    """Open a link as a browser does: follow where it leads, and keep cookies on the way."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_it_starts_stops_and_starts_again_with_all_data(tmp_path):
    port = free_port()
    with running(tmp_path, port) as lines:
        login, pairwise, mos = links(lines)
        assert "Sign in as researcher" in body(login)
        assert "Before you begin" in body(pairwise)
        assert "Before you begin" in body(mos)
    with pytest.raises(urllib.error.URLError):
        body(f"http://127.0.0.1:{port}/healthz")

    started = time.monotonic()
    with running(tmp_path, port) as lines:
        again = links(lines)
        assert again[1:] == [pairwise, mos]  # the same raters, and the same key signs them
        assert again[0] != login
        assert time.monotonic() - started < 60
        assert "Before you begin" in body(pairwise)
