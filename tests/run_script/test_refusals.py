"""What `./run` says when it cannot start: one clear line each."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [cwd / "run", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The script with what it reads, and no virtual environment."""
    for name in ("run", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_help_names_every_command():
    said = run("--help").stdout
    for command in ("setup", "test", "check", "manage", "--port"):
        assert f"./run {command}" in said or f"[{command}" in said


@pytest.mark.parametrize("port", ["", "no", "0", "70000"])
def test_a_port_that_is_no_port_is_refused(port: str):
    result = run("--port", port)
    assert result.returncode == 1
    assert "--port needs a number" in result.stderr


def test_an_unknown_argument_is_refused():
    result = run("--prot", "9000")
    assert result.returncode == 1
    assert "unknown argument --prot" in result.stderr


def test_a_python_that_is_too_old_is_named(checkout: Path, tmp_path: Path):
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("python3.11", "python3.12", "python3.13", "python3.14", "python3", "python"):
        fake = folder / name
        fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n')
        fake.chmod(0o755)
    result = run(cwd=checkout, PATH=f"{folder}:/usr/bin:/bin")
    assert result.returncode == 1
    assert result.stderr.strip() == (
        "evalsite: needs Python 3.11 or newer with venv; found Python 3.9.2"
    )


def test_a_missing_network_is_named(checkout: Path):
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        index = f"http://127.0.0.1:{nobody_listens.getsockname()[1]}/"
        result = run(
            "setup",
            cwd=checkout,
            PIP_CONFIG_FILE=os.devnull,
            PIP_FIND_LINKS="",
            PIP_INDEX_URL=index,
            PIP_RETRIES="1",
            PYTHON=sys.executable,
        )
    assert result.returncode == 1
    assert "the package index cannot be reached; check the network" in result.stderr


def test_a_full_disk_is_named(checkout: Path, tmp_path: Path):
    folder = tmp_path / "bin"
    folder.mkdir()
    df = folder / "df"
    df.write_text('#!/bin/sh\nprintf "head\\n/dev/x 100 90 10 90%% /\\n"\n')
    df.chmod(0o755)
    result = run("setup", cwd=checkout, PATH=f"{folder}:{os.environ['PATH']}")
    assert result.returncode == 1
    assert result.stderr.strip() == "evalsite: needs about 4 GB of free disk; here are 10 MB"


def test_a_port_that_is_taken_is_named_with_another():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        result = run("--port", str(port))
    assert result.returncode == 1
    assert f"port {port} is taken; try ./run --port {port + 1}" in result.stderr
