"""MUSHRA: all outputs of a prompt on sliders from 0 to 100, with a hidden reference among them.

ITU-R BS.1534-3 (2015): five bands of twenty points, at most twelve signals, the reference also
shown openly. A variant leaves the reference out, where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.utils.translation import gettext, gettext_noop

from annotation.design import GroupsInOrder, Order
from annotation.protocols.base import Groups
from annotation.protocols.groups import names_in, numbers_in, shown_in, shown_names
from annotation.protocols.options import OptionReader
from annotation.protocols.parts import HIGHEST, Answer, Mark, Part, Shown
from evalsite.lib.tabular import Row

BANDS = ("Bad", "Poor", "Fair", "Good", "Excellent")  # as in `mos`, where the catalogs have them
MOST_SIGNALS = 12


@dataclass(frozen=True, kw_only=True)
class Mushra(Groups):
    name = "mushra"
    label = "MUSHRA: all outputs of a prompt, from 0 to 100"
    question = gettext_noop("How good is each answer?")
    telling_columns = ("systems", "scores")
    extra_columns = ("reference", "shown")
    fewest_systems = 2
    option_fields = {
        "reference": forms.BooleanField(
            required=False,
            initial=True,
            label="Show each prompt's reference, and hide it once more among the answers",
        )
    }

    reference: bool = True

    @classmethod
    def parse(cls, options: Any) -> Self:
        reader = OptionReader(options, protocol=cls.name)
        found = cls(reference=reader.flag("reference", default=True))
        reader.finish()
        return found

    @property
    def most_systems(self) -> int | None:
        return MOST_SIGNALS - int(self.reference)

    @property
    def shows_reference(self) -> bool:
        return self.reference

    @property
    def extras(self) -> tuple[str, ...]:
        """Name the places behind the systems', in order."""
        return ("Hidden reference",) if self.reference else ()

    def order(self, *, systems: int, prompts: int, seed: int) -> Order:
        return GroupsInOrder(
            systems=systems, prompts=prompts, seed=seed, size=systems, extra=int(self.reference)
        )

    def parts(self, *, question: str, count: int) -> tuple[Part, ...]:
        bands = tuple(gettext(words) for words in BANDS)
        return tuple(
            Part(name=f"score_{place}", label=label, bands=bands, output=place)
            for place, label in enumerate(self.labels(count))
        )

    def read(self, posted: Mapping[str, str], shown: Shown) -> Answer:
        parts = self.parts(question=self.question, count=len(shown.order))
        scores = [0] * len(parts)
        for part, place in zip(parts, shown.order, strict=True):
            scores[place] = part.read_number(posted)
        return Answer(more={"scores": scores, "order": list(shown.order)})

    def say(self, answer: Answer, shown: Shown) -> dict[str, str]:
        scores = answer.more["scores"]
        return {f"score_{i}": str(scores[place]) for i, place in enumerate(shown.order)}

    # Counting

    def marks(self, answer: Answer, *, places: int) -> list[Mark]:
        scores = answer.more["scores"]
        return [Mark(place, place, score) for place, score in enumerate(scores)]

    # Files

    @property
    def required_columns(self) -> tuple[str, ...]:
        return ("scores",)

    @property
    def number_columns(self) -> tuple[str, ...]:
        return ("reference",)

    @property
    def more_columns(self) -> tuple[str, ...]:
        return (*(("reference",) if self.reference else ()), "shown")

    @classmethod
    def options_in(cls, rows: Sequence[Row]) -> dict[str, Any]:
        return {"reference": any(row.values.get("reference") not in (None, "") for row in rows)}

    def from_row(self, row: Row) -> Answer:
        names = names_in(row, "systems")
        scores = numbers_in(row, "scores", count=len(names), high=HIGHEST)
        if self.reference:
            scores.append(row.whole("reference", low=0, high=HIGHEST))
        if len(scores) > MOST_SIGNALS:
            raise row.refuse(f"{len(scores)} signals", expected=f"at most {MOST_SIGNALS}")
        return Answer(more={"scores": scores, **shown_in(row, names, extra=self.reference)})

    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        scores = answer.more["scores"]
        return {
            "scores": scores[: len(systems)],
            "reference": scores[len(systems)] if len(scores) > len(systems) else None,
            "shown": shown_names(answer, systems),
        }

    def renumbered(self, answer: Answer, places: Sequence[int]) -> Answer:
        # The reference stays at the last place.
        whole = [*places, len(places)]
        scores = list(answer.more["scores"])
        for i, score in enumerate(answer.more["scores"]):
            scores[whole[i]] = score
        more: dict[str, Any] = {"scores": scores}
        if "order" in answer.more:
            more["order"] = [whole[i] for i in answer.more["order"]]
        return Answer(more=more)
