"""Small helpers for text and names."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Container

from django.utils.text import slugify


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


#: Taken by the pages that make things: /systems/new/.
RESERVED = {"new"}


def unique_slug(name: str, taken: Container[str], *, fallback: str = "item") -> str:
    """Derive a slug from a name kept verbatim elsewhere; add -2, -3, ... until it is free."""
    base = slugify(name)[:80] or fallback
    slug, number = base, 2
    while slug in taken or slug in RESERVED:
        slug, number = f"{base}-{number}", number + 1
    return slug


def public_id() -> str:
    """A short random name for URLs: it says nothing and cannot be guessed."""
    return secrets.token_urlsafe(9)
