"""Small helpers for text."""

from __future__ import annotations

import hashlib
import secrets


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_storable(text: str) -> bool:
    """Return whether every database takes the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def make_storable(text: str) -> str:
    """Put the replacement character in place of what a database would refuse."""
    if is_storable(text):
        return text
    return (
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "\ufffd")
    )


def public_id() -> str:
    """A short random name for URLs: it says nothing and cannot be guessed."""
    return secrets.token_urlsafe(9)
