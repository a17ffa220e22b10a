"""What a form is made of, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils.translation import gettext

from annotation.exceptions import AnswerIncomplete, ChoiceUnknown

#: Where a slider's scale ends; it begins at 0.
HIGHEST = 100


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One answer that a rater can give: what the form sends, the words, and the key."""

    value: str
    words: str
    key: str
    #: What several choices have in common ("Left is"); it stands once, beside them.
    lead: str = ""

    @property
    def in_full(self) -> str:
        return f"{self.lead} {self.words}".strip()


def numbered(choices: list[tuple[str, str, str]]) -> tuple[Choice, ...]:
    """Return choices (value, lead, words) with the digits 1 to 9, then 0, as keys."""
    return tuple(
        Choice(value=value, lead=lead, words=words, key=str(number % 10))
        for number, (value, lead, words) in enumerate(choices, start=1)
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """One question of a form: choices to pick one of or, without any, a slider from 0 to 100."""

    name: str
    label: str
    choices: tuple[Choice, ...] = ()
    #: Words of a slider's equal bands, from low to high.
    bands: tuple[str, ...] = ()
    #: The number on the screen of the output that it belongs to; None: it stands by itself.
    output: int | None = None

    def read(self, posted: Mapping[str, str]) -> str:
        """Return the choice's value; raise for none, and for one that was not offered."""
        value = posted.get(self.name, "")
        if not value:
            raise _missing(self)
        if value not in {choice.value for choice in self.choices}:
            raise ChoiceUnknown
        return value

    def read_number(self, posted: Mapping[str, str]) -> int:
        """Return a slider's whole number; raise for none, and for one that is off the scale."""
        value = posted.get(self.name, "").strip()
        if not value:
            raise _missing(self)
        if not (value.isascii() and value.isdigit() and len(value) <= 3 and int(value) <= HIGHEST):
            raise ChoiceUnknown(
                gettext("%(label)s must be a whole number from 0 to 100.") % {"label": self.label}
            )
        return int(value)


def _missing(part: Part) -> AnswerIncomplete:
    words = gettext("One answer is missing: %(label)s")
    return AnswerIncomplete(words % {"label": part.label})


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a task stood on a screen: what was on the left (or first), or its places in order."""

    left: str = "a"
    order: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is stored, in task terms: a verdict, a score, and what goes beyond both."""

    verdict: str = ""
    score: int | None = None
    more: dict[str, Any] = field(default_factory=dict)


class Mark(NamedTuple):
    """One thing that a report counts of an answer, in numbers that fit a byte."""

    #: Which question of the form it answers, from 0.
    question: int
    #: The place of the output that it is about; None: what the whole task is about, which may be
    #: a group.
    place: int | None
    value: int
