"""Outputs that say which system made them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from generation.models import System

#: Names that give a family of models away, wherever a page itself (not an output) says them.
FAMILIES = (
    "gpt", "chatgpt", "openai", "llama", "claude", "anthropic", "gemini", "gemma", "mistral",
    "mixtral", "qwen", "deepseek", "smollm", "falcon", "vicuna", "alpaca", "cohere", "grok", "phi",
)  # fmt: skip
SELF_NAMING = re.compile(
    r"\b(?:I am|I'm|as|my name is|called) (?:an? |the )?(?:AI |language |model |assistant )*"
    r"(?:named |called |made by |trained by |developed by )?(\w+)",
    re.IGNORECASE,
)
#: A name such as "B" stands in every text; it gives nothing away.
SHORTEST_NAME = 3


def names_of(systems: Iterable[System]) -> list[str]:
    """Return the words that point at one of the systems."""
    words = {word for s in systems for word in (s.name, s.slug, s.model)}
    return sorted(word for word in words if len(word) >= SHORTEST_NAME)


def names_in(text: str, names: Iterable[str]) -> list[str]:
    """Return what gives the output away: "I am ...", or one of the names."""
    found = [match.group(1).casefold() for match in SELF_NAMING.finditer(text)]
    families = [word for word in found if any(family in word for family in FAMILIES)]
    return families + [name for name in names if name not in FAMILIES and says(text, name)]


def says(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
