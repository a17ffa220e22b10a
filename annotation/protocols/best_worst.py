"""Best-worst scaling: the best and the worst of three to five (Louviere and Woodworth, 1991)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.utils.translation import gettext, gettext_noop

from annotation.design import GroupsInOrder, Order
from annotation.exceptions import AnswerIncomplete
from annotation.protocols.base import LETTERS, Groups
from annotation.protocols.groups import names_in, shown_in, shown_names
from annotation.protocols.options import OptionReader
from annotation.protocols.parts import Answer, Mark, Part, Shown, numbered
from evalsite.lib.tabular import Row

FEWEST, MOST = 3, 5
#: Groups of five of so many have numbers that fit the reports' counts.
MOST_SYSTEMS = 200
#: What a mark's value counts by: how many more than the fewest were shown, best and worst place.
RADIX = (MOST - FEWEST + 1, MOST, MOST)


@dataclass(frozen=True, kw_only=True)
class BestWorst(Groups):
    name = "best_worst"
    label = "Best-worst: the best and the worst of three to five"
    question = gettext_noop("Which answer is the best, and which is the worst?")
    title = gettext_noop("Which answer is better?")
    telling_columns = ("systems", "best", "worst")
    extra_columns = ("shown",)
    fewest_systems = FEWEST
    option_fields = {
        "size": forms.IntegerField(
            min_value=FEWEST,
            max_value=MOST,
            initial=4,
            required=False,
            label="Answers on one screen",
            help_text="Where there are more systems, each prompt is shown in several groups.",
        )
    }

    size: int = 4

    @classmethod
    def parse(cls, options: Any) -> Self:
        reader = OptionReader(options, protocol=cls.name)
        found = cls(size=reader.whole("size", low=FEWEST, high=MOST, default=4))
        reader.finish()
        return found

    @property
    def most_systems(self) -> int | None:
        return MOST_SYSTEMS

    def order(self, *, systems: int, prompts: int, seed: int) -> Order:
        return GroupsInOrder(systems=systems, prompts=prompts, seed=seed, size=self.size)

    def parts(self, *, question: str, count: int) -> tuple[Part, ...]:
        choices = numbered([(str(place), "", LETTERS[place]) for place in range(count)])
        return (
            Part(name="best", label=gettext("Best"), choices=choices),
            Part(name="worst", label=gettext("Worst"), choices=choices),
        )

    def read(self, posted: Mapping[str, str], shown: Shown) -> Answer:
        parts = self.parts(question=self.question, count=len(shown.order))
        best, worst = (int(part.read(posted)) for part in parts)
        if best == worst:
            raise AnswerIncomplete(gettext("The best and the worst must be two different answers."))
        return Answer(
            more={
                "best": shown.order[best],
                "worst": shown.order[worst],
                "order": list(shown.order),
            }
        )

    def say(self, answer: Answer, shown: Shown) -> dict[str, str]:
        return {name: str(shown.order.index(answer.more[name])) for name in ("best", "worst")}

    # Counting

    def marks(self, answer: Answer, *, places: int) -> list[Mark]:
        """Return one mark for the whole group: its size, the best and the worst place."""
        _, most, _ = RADIX
        value = ((places - FEWEST) * most + answer.more["best"]) * most + answer.more["worst"]
        return [Mark(0, None, value)]

    # Files

    @property
    def required_columns(self) -> tuple[str, ...]:
        return ("best", "worst")

    @property
    def more_columns(self) -> tuple[str, ...]:
        return ("shown",)

    @classmethod
    def options_in(cls, rows: Sequence[Row]) -> dict[str, Any]:
        return {"size": max(len(names_in(row, "systems")) for row in rows)}

    def from_row(self, row: Row) -> Answer:
        names = names_in(row, "systems")
        if not FEWEST <= len(names) <= MOST:
            raise row.refuse(f"{len(names)} systems", expected=f"{FEWEST} to {MOST}")
        best, worst = (names.index(row.one_of(name, names)) for name in ("best", "worst"))
        if best == worst:
            raise row.refuse("best and worst are the same", expected="two systems")
        return Answer(more={"best": best, "worst": worst, **shown_in(row, names)})

    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        return {
            "best": systems[answer.more["best"]],
            "worst": systems[answer.more["worst"]],
            "shown": shown_names(answer, systems),
        }

    def renumbered(self, answer: Answer, places: Sequence[int]) -> Answer:
        more = {name: places[answer.more[name]] for name in ("best", "worst")}
        if "order" in answer.more:
            more["order"] = [places[i] for i in answer.more["order"]]
        return Answer(more=more)
