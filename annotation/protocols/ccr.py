"""CCR: the second of two outputs against the first, -3 to +3. ITU-T P.800 (1996), annex E.

What is stored is a against b, whichever came first. Null pairs show one output twice: how far
their answers are from 0, in the order shown, is what raters give to a place on the screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.utils.translation import gettext, gettext_noop

from annotation.design import Order, PairsWithNulls
from annotation.protocols.base import Pairs
from annotation.protocols.options import OptionReader
from annotation.protocols.parts import Answer, Mark, Part, Shown, numbered
from evalsite.lib.tabular import Row

WORDS = (
    gettext_noop("Much worse"),
    gettext_noop("Worse"),
    gettext_noop("Slightly worse"),
    gettext_noop("About the same"),
    gettext_noop("Slightly better"),
    gettext_noop("Better"),
    gettext_noop("Much better"),
)
MOST = 3
MOST_NULL_PAIRS = 0.5


@dataclass(frozen=True, kw_only=True)
class Ccr(Pairs):
    name = "ccr"
    label = "CCR: how much better is the second of two, from -3 to +3"
    question = gettext_noop("How good is the second answer, compared to the first?")
    title = gettext_noop("Which answer is better?")
    telling_columns = ("system_a", "system_b", "score")
    extra_columns = ("left",)
    has_null_pairs = True
    option_fields = {
        "null_share": forms.FloatField(
            min_value=0,
            max_value=MOST_NULL_PAIRS,
            initial=0,
            required=False,
            label="Null pairs, as a share of the pairs",
            help_text="One answer shown twice: they measure what raters give to a place.",
        )
    }

    null_share: float = 0.0

    @classmethod
    def parse(cls, options: Any) -> Self:
        reader = OptionReader(options, protocol=cls.name)
        found = cls(null_share=reader.share("null_share", high=MOST_NULL_PAIRS))
        reader.finish()
        return found

    def order(self, *, systems: int, prompts: int, seed: int) -> Order:
        return PairsWithNulls(systems=systems, prompts=prompts, seed=seed, share=self.null_share)

    def labels(self, count: int) -> tuple[str, ...]:
        return (gettext("First"), gettext("Second"))

    def parts(self, *, question: str, count: int) -> tuple[Part, ...]:
        scores = [
            (str(score), "", gettext(words)) for score, words in enumerate(WORDS, start=-MOST)
        ]
        return (Part(name="choice", label=question, choices=numbered(scores)),)

    def read(self, posted: Mapping[str, str], shown: Shown) -> Answer:
        (part,) = self.parts(question=self.question, count=2)
        return Answer(score=int(part.read(posted)) * _sign(shown))

    def say(self, answer: Answer, shown: Shown) -> dict[str, str]:
        return {"choice": str((answer.score or 0) * _sign(shown))}

    @property
    def values(self) -> int:
        return len(WORDS)

    @property
    def counts_more(self) -> bool:
        return False

    def marks(self, answer: Answer, *, places: int) -> list[Mark]:
        return [Mark(0, None, (answer.score or 0) + MOST)]

    def from_row(self, row: Row) -> Answer:
        return Answer(score=row.whole("score", low=-MOST, high=MOST))

    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        return {"score": answer.score}

    def renumbered(self, answer: Answer, places: Sequence[int]) -> Answer:
        return Answer(score=-(answer.score or 0)) if places[0] else answer


def _sign(shown: Shown) -> int:
    """Return what turns the second against the first into a against b, and back."""
    return -1 if shown.left == "a" else 1
