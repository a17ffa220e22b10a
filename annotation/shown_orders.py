"""Where and when one rater was shown each system: an order that is a rule tells them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

#: An order that chance alone would make more rarely than that is a rule.
RARE = 0.001


class ShownOrders:
    """Collects what stood on a rater's screens; `rules` says what could be learnt from it."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._alone: list[str] = []

    def note(self, systems: Sequence[str]) -> None:
        """Take one screen: the systems in the order shown."""
        if len(systems) == 1:
            self._alone.append(systems[0])
            return
        for place, system in enumerate(systems):
            self._places[system, len(systems)].append(place)

    def rules(self) -> Iterator[str]:
        yield from self._same_place()
        if rule := self._same_turn():
            yield rule

    def _same_place(self) -> Iterator[str]:
        for (system, count), places in sorted(self._places.items()):
            by_chance = len(self._places) * float(count) ** (1 - len(places))
            if len(set(places)) == 1 and by_chance < RARE:
                yield f"{system} always in place {places[0] + 1} of {count}, {len(places)} times"

    def _same_turn(self) -> str:
        """Look at outputs that are shown one by one: system by system, or in rotation?"""
        order, systems = self._alone, len(set(self._alone))
        if systems < 2 or systems * float(systems) ** (systems - len(order)) >= RARE:
            return ""
        if len(list(groupby(order))) == systems:
            return "all outputs of one system, then all of the next"
        if all(order[i] == order[i % systems] for i in range(len(order))):
            return "the systems in one rotation"
        return ""
