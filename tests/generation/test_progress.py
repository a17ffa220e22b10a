"""What a worker shows in a terminal, and what it does not write into a log."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pytest

from generation.models import System
from generation.services import queue_generation
from tests.factories import make_prompt, make_prompt_set, make_system
from tests.processes import spawn

pytestmark = pytest.mark.django_db(transaction=True)


def queue() -> None:
    prompt_set = make_prompt_set(prompts=3)
    make_prompt(prompt_set=prompt_set, position=3, text=" ")
    queue_generation(system=make_system(backend=System.Backend.FAKE), prompt_set=prompt_set)


def shown(descriptor: int, *, seconds: float = 60) -> str:
    """Read a terminal until its other end is closed."""
    until, content = time.monotonic() + seconds, b""
    while time.monotonic() < until:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                content += os.read(descriptor, 65_536)
            except OSError:  # Linux says so when the last writer is gone
                return content.decode()
    raise AssertionError(f"the worker did not end: {content!r}")


def test_a_terminal_shows_a_bar_with_speed_and_failures():
    queue()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    worker = spawn("run_generation_worker", "--drain", stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    try:
        content = shown(ours)
        assert worker.wait(timeout=60) == 0
    finally:
        worker.kill()
        os.close(ours)
    last = content.replace("\r", "\n").strip().splitlines()[-1]
    assert "4/4" in last
    assert "tokens/s, 1 failed" in last
    assert "failed: The prompt is empty." in content


def test_a_log_holds_reasons_and_no_bar():
    queue()
    worker = spawn(
        "run_generation_worker", "--drain", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, complained = worker.communicate(timeout=60)
    assert said == "4 outputs finished\n"
    [line] = complained.strip().splitlines()
    assert line.endswith("failed: The prompt is empty.")
