"""Readers for environment variables that fail loudly instead of guessing."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def env_bool(name: str, *, default: bool) -> bool:
    value = os.environ.get(name, "")
    if value not in ("", "0", "1"):
        raise ImproperlyConfigured(f"{name} is {value!r}, expected 0 or 1")
    return default if value == "" else value == "1"


def env_int(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    if not value:
        return default
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}, expected a whole number") from None


def env_list(name: str, default: list[str]) -> list[str]:
    value = os.environ.get(name, "")
    return [part.strip() for part in value.split(",") if part.strip()] or default


def env_json(name: str) -> dict[str, Any]:
    try:
        value = json.loads(os.environ.get(name) or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} is not a JSON object")
    return value


def env_storage(name: str) -> dict[str, Any]:
    """Return Django's description of a storage, from NAME_URL, NAME_STORAGE and NAME_OPTIONS.

    The URL is s3://bucket/prefix; without one it is the class NAME_STORAGE, a folder by default.
    """
    url, options = env_str(f"{name}_URL"), env_json(f"{name}_OPTIONS")
    if not url:
        folder = "django.core.files.storage.FileSystemStorage"
        return {"BACKEND": env_str(f"{name}_STORAGE", folder), "OPTIONS": options}
    found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]+)(?:/(.*))?", url)
    if not found:
        raise ImproperlyConfigured(f"{name}_URL is {url!r}, expected s3://bucket/prefix")
    bucket = {"bucket_name": found[1], "location": (found[2] or "").strip("/")}
    # A larger file waits on the disk, not in memory, where it must be read whole.
    spool = {"max_memory_size": 2**20}
    return {"BACKEND": "evalsite.lib.buckets.Bucket", "OPTIONS": {**spool, **bucket, **options}}


def env_secret(name: str, path: Path) -> str:
    """Return the secret from the environment, else from a private file made once.

    There is no default secret: a known key lets a stranger forge sessions and invites.
    """
    if value := os.environ.get(name):
        return value
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)  # atomic: of two processes that start at once, one wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
