"""Outputs that say which system made them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from annotation.models import Study
from annotation.redaction import left_over
from generation.models import Output, System

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
#: Sizes, versions and kinds, which outputs leave out of their name: 7B, v0.2, Instruct.
_AFTER_NAME = re.compile(r"v?\d[\w.]*|instruct|chat|base|it|preview|turbo", re.IGNORECASE)
#: What is left of a name that was none: every text may say it.
_ANYBODY = {
    "system", "model", "baseline", "candidate", "variant", "version", "checkpoint", "step", "epoch",
    "run", "test", "answer", "assistant",
}  # fmt: skip
#: A name such as "B" stands in every text; it gives nothing away.
SHORTEST_NAME = 3


def names_of(systems: Iterable[System]) -> list[str]:
    """Return the words that point at one of the systems."""
    words = [word for s in systems for word in (s.name, _stem(s.name), s.slug, s.model)]
    # Read without regard to case, so that a name and its slug are often one word.
    first = {word.casefold(): word for word in reversed(words)}
    return sorted(word for word in first.values() if len(word) >= SHORTEST_NAME)


def _stem(name: str) -> str:
    """Return the name without its size, version and kind: what an output calls itself."""
    parts = re.split(r"([\s_-]+)", name)
    while len(parts) > 2 and _AFTER_NAME.fullmatch(parts[-1]):
        parts = parts[:-2]
    stem = "".join(parts)
    return "" if stem.casefold() in _ANYBODY else stem


def names_in(text: str, names: Iterable[str]) -> list[str]:
    """Return what gives the output away: "I am ...", or one of the names."""
    found = [match.group(1).casefold() for match in SELF_NAMING.finditer(text)]
    families = [word for word in found if any(family in word for family in FAMILIES)]
    return families + [name for name in names if name not in FAMILIES and says(text, name)]


def says(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


@dataclass(frozen=True, kw_only=True)
class Naming:
    """An output that names itself or another system, and the words that do."""

    output: Output
    words: tuple[str, ...]
    #: Those of them that raters would read.
    left_over: tuple[str, ...]
    is_left_out: bool

    @property
    def is_read(self) -> bool:
        """Whether raters would read such a word."""
        return bool(self.left_over) and not self.is_left_out


def namings_in(study: Study, systems: Sequence[System]) -> Iterator[Naming]:
    """Find the outputs of a study that name a system, prompt by prompt."""
    names = names_of(systems)
    outputs = Output.objects.done().filter(
        system__in=systems, prompt__prompt_set=study.prompt_set, sample=study.sample
    )
    rows = outputs.select_related("system", "prompt").defer("html", "provenance", "prompt__html")
    for output in rows.order_by("prompt__position", "system").iterator(chunk_size=500):
        if words := dict.fromkeys(names_in(output.text, names)):
            left = left_over(list(words), study.redact)
            yield Naming(
                output=output,
                words=tuple(words),
                left_over=tuple(left),
                is_left_out=output.prompt.key in study.left_out,
            )
