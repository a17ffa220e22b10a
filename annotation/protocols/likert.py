"""Likert: one output, several criteria, each with a scale and words of its own (Likert, 1932)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.utils.translation import gettext, gettext_noop

from annotation.protocols.base import Singles
from annotation.protocols.options import Criterion, OptionReader
from annotation.protocols.parts import Answer, Mark, Part, Shown, numbered
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row

AGREEMENT = (
    gettext_noop("Strongly disagree"),
    gettext_noop("Disagree"),
    gettext_noop("Neither"),
    gettext_noop("Agree"),
    gettext_noop("Strongly agree"),
)


@dataclass(frozen=True, kw_only=True)
class Likert(Singles):
    name = "likert"
    label = "Likert: one output by several criteria"
    question = gettext_noop("What do you say of this answer?")
    telling_columns = ("system", "criterion_")
    option_fields = {
        "criteria": forms.CharField(
            required=False,
            label="Criteria",
            widget=forms.Textarea(attrs={"rows": 4}),
            help_text="One a line, each with its words from low to high: "
            "“How clear is it? Not at all | A little | Fairly | Very”. Without words it is a "
            "statement, and raters say how far they agree.",
        )
    }

    criteria: tuple[Criterion, ...]

    @classmethod
    def parse(cls, options: Any) -> Self:
        reader = OptionReader(options, protocol=cls.name)
        found = cls(
            criteria=reader.criteria("criteria", words=[gettext(words) for words in AGREEMENT])
        )
        reader.finish()
        if not found.criteria:
            raise InputRefused("option criteria is missing", expected="one criterion or more")
        return found

    @property
    def is_one_press(self) -> bool:
        return False

    def parts(self, *, question: str, count: int) -> tuple[Part, ...]:
        return tuple(
            Part(
                name=f"criterion_{criterion.key}",
                label=criterion.label,
                choices=numbered(
                    [(str(n), "", words or str(n)) for n, words in enumerate(criterion.words, 1)]
                ),
            )
            for criterion in self.criteria
        )

    def read(self, posted: Mapping[str, str], shown: Shown) -> Answer:
        parts = self.parts(question=self.question, count=1)
        scores = {
            criterion.key: int(part.read(posted))
            for criterion, part in zip(self.criteria, parts, strict=True)
        }
        return Answer(more={"scores": scores})

    def say(self, answer: Answer, shown: Shown) -> dict[str, str]:
        return {f"criterion_{key}": str(score) for key, score in answer.more["scores"].items()}

    # Counting

    def marks(self, answer: Answer, *, places: int) -> list[Mark]:
        scores = answer.more["scores"]
        return [Mark(i, None, scores[c.key]) for i, c in enumerate(self.criteria)]

    # Files

    @property
    def required_columns(self) -> tuple[str, ...]:
        return tuple(f"criterion_{criterion.key}" for criterion in self.criteria)

    @property
    def number_columns(self) -> tuple[str, ...]:
        return self.required_columns

    @classmethod
    def options_in(cls, rows: Sequence[Row]) -> dict[str, Any]:
        """Return a criterion for each column; its scale ends at the highest score in the file."""
        names = [name for name in rows[0].values if name.startswith("criterion_")]
        highest = {name: max(row.whole(name, low=1, high=10) for row in rows) for name in names}
        return {
            "criteria": [
                {
                    "key": name.removeprefix("criterion_"),
                    "label": name.removeprefix("criterion_"),
                    "words": [str(n) for n in range(1, max(highest[name], len(AGREEMENT)) + 1)],
                }
                for name in names
            ]
        }

    def from_row(self, row: Row) -> Answer:
        scores = {
            c.key: row.whole(f"criterion_{c.key}", low=1, high=len(c.words)) for c in self.criteria
        }
        return Answer(more={"scores": scores})

    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        return {f"criterion_{key}": score for key, score in answer.more["scores"].items()}
