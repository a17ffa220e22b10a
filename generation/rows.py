"""Rows of a file as prompts and outputs: each is checked, and refused with its line."""

from __future__ import annotations

import json

from django.utils.timezone import now

from evalsite.lib.markdown import render_markdown
from evalsite.lib.tabular import Row
from evalsite.lib.text import is_storable, sha256
from generation.media_imports import Shelf
from generation.models import Media, Output, Prompt, System

#: Nobody can judge more; a longer text is a mistake, or meant to harm.
MAX_TEXT = 500_000
MAX_SAMPLES = 100
_ROLES = ("system", "user", "assistant")


def prompt_in(row: Row, shelf: Shelf, *, position: int) -> Prompt:
    """Return the prompt, not saved; its files are on the shelf."""
    key = row.text("id")
    if len(key) > 200:
        raise row.refuse(f"id has {len(key)} characters", expected="at most 200")
    text = _long_text(row, "prompt")
    media = _media(row, "media", shelf)
    if media is None and not text.strip():
        raise row.refuse("prompt is empty", expected="a text, or media")
    category = row.text("category", required=False)
    if len(category) > 100:
        raise row.refuse(f"category has {len(category)} characters", expected="at most 100")
    return Prompt(
        key=key,
        position=position,
        text=text,
        messages=_messages(row),
        category=category,
        reference=_long_text(row, "reference"),
        media=media,
        reference_media=_media(row, "reference_media", shelf),
        html=render_markdown(text),
    )


def _long_text(row: Row, column: str, *, required: bool = False) -> str:
    text = row.text(column, required=required)
    if len(text) > MAX_TEXT:
        raise row.refuse(f"{column} has {len(text)} characters", expected=f"at most {MAX_TEXT}")
    return text


def _media(row: Row, column: str, shelf: Shelf) -> Media | None:
    return shelf.take(row, column) if row.text(column, required=False) else None


def _messages(row: Row) -> list[dict[str, str]] | None:
    """Return the chat turns of a row: JSON in a CSV cell, a list in JSON Lines."""
    value = row.values.get("messages")
    if value in (None, "", []):
        return None
    expected = 'a list of {"role": ..., "content": ...} that ends with role user'
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise row.refuse("messages is not JSON", expected=expected) from None
    turns = value if isinstance(value, list) and all(map(_is_turn, value)) else []
    if not turns or turns[-1]["role"] != "user":
        raise row.refuse("messages are not chat turns", expected=expected)
    return turns


def _is_turn(turn: object) -> bool:
    return (
        isinstance(turn, dict)
        and set(turn) == {"role", "content"}
        and turn["role"] in _ROLES
        and isinstance(turn["content"], str)
        and is_storable(turn["content"])
    )


def output_in(
    row: Row, prompts: dict[str, Prompt], systems: dict[str, System | None], shelf: Shelf
) -> Output:
    """Return the finished output, not saved; its file is on the shelf."""
    key, name = row.text("prompt_id"), row.text("system")
    if key not in prompts:
        raise row.refuse(f"unknown prompt_id {key!r}", expected="an id of the prompt set")
    system = systems.get(name)
    if system is None:
        known = "a slug or a unique name of your systems (make one with create_system)"
        raise row.refuse(f"unknown system {name!r}", expected=known)
    prompt, media = prompts[key], _media(row, "media", shelf)
    text = _long_text(row, "output", required=media is None)
    if media is not None and text:
        raise row.refuse("output and media are both given", expected="one of them")
    return Output(
        system=system,
        prompt=prompt,
        sample=row.whole("sample", low=0, high=MAX_SAMPLES - 1, default=0),
        state=Output.State.DONE,
        text=text,
        html=render_markdown(text),
        media=media,
        text_hash=media.sha256 if media else sha256(text),
        queue_position=prompt.position,
        finished_at=now(),
        provenance={
            "imported_from": row.file,
            "line": row.line,
            **({"media": row.text("media")} if media else {}),
        },
    )


def content_hash(prompts: list[Prompt]) -> str:
    """Return what a frozen prompt set is told by."""
    content = [
        [p.key, p.text, p.messages, p.category, p.reference, *_media_hashes(p)] for p in prompts
    ]
    return sha256(json.dumps(content, ensure_ascii=False))


def _media_hashes(prompt: Prompt) -> list[str]:
    """Return the hashes of the prompt's files; nothing where it is text alone."""
    files = (prompt.media, prompt.reference_media)
    return [file.sha256 if file else "" for file in files] if any(files) else []
