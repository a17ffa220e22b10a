"""MUSHRA: all outputs of a prompt on sliders from 0 to 100, with a hidden reference among them.

ITU-R BS.1534-3 (2015): five bands of twenty points, at most twelve signals, the reference also
shown openly, and anchors among them: the reference behind a low-pass of 3.5 and of 7 kHz, where
sounds are judged. A variant leaves the reference out, where there is none.
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
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row

BANDS = ("Bad", "Poor", "Fair", "Good", "Excellent")  # as in `mos`, where the catalogs have them
MOST_SIGNALS = 12
#: Where the low and the mid anchor end [Hz].
ANCHORS = (3500, 7000)
#: What hides among the outputs, by its role, in a report's words.
HIDDEN_NAMES = {
    "reference": "Hidden reference",
    "anchor_3500": "Low anchor, 3.5 kHz",
    "anchor_7000": "Mid anchor, 7 kHz",
}
ANCHOR_COLUMNS = tuple(f"anchor_{hertz}" for hertz in ANCHORS)


@dataclass(frozen=True, kw_only=True)
class Mushra(Groups):
    name = "mushra"
    label = "MUSHRA: all outputs of a prompt, from 0 to 100"
    question = gettext_noop("How good is each answer?")
    telling_columns = ("systems", "scores")
    extra_columns = ("reference", *ANCHOR_COLUMNS, "shown")
    fewest_systems = 2
    option_fields = {
        "reference": forms.BooleanField(
            required=False,
            initial=True,
            label="Show each prompt's reference, and hide it once more among the answers",
        ),
        "anchors": forms.TypedMultipleChoiceField(
            choices=[(hertz, f"{hertz / 1000:g} kHz") for hertz in ANCHORS],
            coerce=int,
            widget=forms.CheckboxSelectMultiple,
            required=False,
            label="Anchors: each prompt's reference sound behind a low-pass, hidden like it",
        ),
    }

    reference: bool = True
    anchors: tuple[int, ...] = ()
    #: Whether the outputs are sounds: noted at the launch, never asked for.
    sound: bool = False

    @classmethod
    def parse(cls, options: Any) -> Self:
        reader = OptionReader(options, protocol=cls.name)
        found = cls(
            reference=reader.flag("reference", default=True),
            anchors=reader.some_of("anchors", ANCHORS),
            sound=reader.flag("sound", default=False),
        )
        reader.finish()
        if found.anchors and not found.reference:
            raise InputRefused(
                "option anchors without a reference", expected="a reference to make them from"
            )
        return found

    @property
    def most_systems(self) -> int | None:
        return MOST_SIGNALS - len(self.hidden)

    @property
    def is_heard(self) -> bool:
        return self.sound

    @property
    def hidden(self) -> tuple[str, ...]:
        if not self.reference:
            return ()
        return ("reference", *(f"anchor_{hertz}" for hertz in self.anchors))

    @property
    def shows_reference(self) -> bool:
        return self.reference

    @property
    def extras(self) -> tuple[str, ...]:
        """Name the places behind the systems', in order."""
        return tuple(HIDDEN_NAMES[role] for role in self.hidden)

    def order(self, *, systems: int, prompts: int, seed: int) -> Order:
        return GroupsInOrder(
            systems=systems, prompts=prompts, seed=seed, size=systems, extra=len(self.hidden)
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
        return ("reference", *ANCHOR_COLUMNS)

    @property
    def more_columns(self) -> tuple[str, ...]:
        return (*self.hidden, "shown")

    @classmethod
    def options_in(cls, rows: Sequence[Row]) -> dict[str, Any]:
        there = {
            name
            for row in rows
            for name in ("reference", *ANCHOR_COLUMNS)
            if row.values.get(name) not in (None, "")
        }
        anchors = [hertz for hertz in ANCHORS if f"anchor_{hertz}" in there]
        return {"reference": "reference" in there, "anchors": anchors}

    def from_row(self, row: Row) -> Answer:
        names = names_in(row, "systems")
        scores = numbers_in(row, "scores", count=len(names), high=HIGHEST)
        scores += [row.whole(name, low=0, high=HIGHEST) for name in self.hidden]
        if len(scores) > MOST_SIGNALS:
            raise row.refuse(f"{len(scores)} signals", expected=f"at most {MOST_SIGNALS}")
        return Answer(more={"scores": scores, **shown_in(row, names, hidden=self._signs)})

    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        scores, count = answer.more["scores"], len(systems)
        return {
            "scores": scores[:count],
            **dict(zip(self.hidden, scores[count:], strict=True)),
            "shown": shown_names(answer, systems, hidden=self._signs),
        }

    @property
    def _signs(self) -> tuple[int | None, ...]:
        """What stands for the hidden signals in a list of names: null, and an anchor's number."""
        return (None, *self.anchors) if self.reference else ()

    def renumbered(self, answer: Answer, places: Sequence[int]) -> Answer:
        # What is hidden stays behind the systems.
        whole = [*places, *range(len(places), len(answer.more["scores"]))]
        scores = list(answer.more["scores"])
        for i, score in enumerate(answer.more["scores"]):
            scores[whole[i]] = score
        more: dict[str, Any] = {"scores": scores}
        if "order" in answer.more:
            more["order"] = [whole[i] for i in answer.more["order"]]
        return Answer(more=more)
