"""Models of the Hugging Face hub, where the operator allows it: `hub:ORGANISATION/NAME@COMMIT`.

Fetched by a process of its own, so that the worker itself stays offline whatever it loads.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from generation.exceptions import ModelNotFound, ModelNotUsable

HUB = "hub:"
#: A branch or a tag can be moved; a commit cannot.
_NAME = re.compile(r"hub:([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@([0-9a-f]{40})")
#: No pickles, no code.
PATTERNS = ("*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt")
SECONDS = 6 * 3600
PASSED_ON = (
    "PATH",
    "PYTHONPATH",
    "HOME",
    "HF_ENDPOINT",
    "HF_TOKEN",
    "HTTPS_PROXY",
    "SSL_CERT_FILE",
)

_FETCH = """
import sys
from huggingface_hub import snapshot_download
repository, commit, cache, *patterns = sys.argv[1:]
print(snapshot_download(repository, revision=commit, cache_dir=cache, allow_patterns=patterns))
"""


def hub_cache() -> Path:
    cache: Path = settings.DATA_DIR / "hub"
    return cache


def hub_folder(name: str) -> Path:
    """Return the folder with the model's files, fetched once.

    Raises `ModelNotUsable` where the operator has not set EVALSITE_ALLOW_HUB or no commit is
    named, and `ModelNotFound` where the hub does not give it.
    """
    if not settings.EVALSITE_ALLOW_HUB:
        raise ModelNotUsable("Models of the hub are not allowed here: see EVALSITE_ALLOW_HUB.")
    named = _NAME.fullmatch(name)
    if named is None:
        raise ModelNotUsable(f"The model {name!r} is not hub:ORGANISATION/NAME@COMMIT.")
    repository, commit = named.groups()
    snapshot = hub_cache() / f"models--{repository.replace('/', '--')}" / "snapshots" / commit
    if not (snapshot / _COMPLETE).exists():
        _fetch(repository, commit)
        (snapshot / _COMPLETE).touch()
    return snapshot


#: Left when all files are there: a worker that is killed meanwhile leaves a part of them.
_COMPLETE = ".evalsite-complete"


def _fetch(repository: str, commit: str) -> None:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    arguments = [repository, commit, str(hub_cache()), *PATTERNS]
    ran = subprocess.run(  # noqa: S603 - a list, never a shell; the name was matched
        [sys.executable, "-P", "-c", _FETCH, *arguments],
        env={**environment, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if ran.returncode != 0:
        last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelNotFound(f"The hub gave no {repository}@{commit}: {last[:300]}")
