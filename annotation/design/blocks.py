"""Pairs of systems, or single systems, in blocks: pure numbers, nothing kept but a seed.

A block asks about every pair of systems once (about every system once, where one output is
judged), in the order of a tournament whose seats are drawn anew, so that a stretch of any length
asks every pair equally often to within one, and every system to within one or two. Each pair walks
the prompts, which were shuffled once, in a circle from a start of its own; the starts lie evenly,
so that whole blocks ask every prompt equally often to within one, and each prompt's pairs are a
stretch of a tournament too. A pair's tasks show a and b on the left in turn.

A balanced incomplete design within a budget is therefore the beginning of the full one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from annotation.design.orders import Order, Stretch
from annotation.design.rounds import pair_numbers, round_robin
from annotation.design.tasks import Ints, TaskPlan
from annotation.design.words import coins, shuffled

#: What each stream of random words is for.
_PROMPTS, _STARTS, _SIDES, _SEATS = range(4)


@dataclass(frozen=True, kw_only=True)
class Blocks(Order):
    """Every pair of systems, or every system, on every prompt."""

    name = "blocks"

    is_pairwise: bool

    @property
    def block(self) -> int:
        """How many tasks a block has: one for each pair of systems, or for each system."""
        return self.systems * (self.systems - 1) // 2 if self.is_pairwise else self.systems

    @property
    def count(self) -> int:
        return self.block * self.prompts

    @property
    def fewest(self) -> int:
        return self.systems - 1 if self.is_pairwise else self.systems

    def stretch(self, start: int, stop: int) -> Stretch:
        place = np.arange(start, stop)
        block, seat = np.divmod(place, max(self.block, 1))
        fixed = _fixed(self)
        who = _seats(self, block)[np.arange(len(place))[:, None], fixed.games[seat]]
        members = np.sort(who, axis=1)
        unit = fixed.number[members[:, 0], members[:, -1]]
        prompt = fixed.prompts[(block + fixed.start[unit]) % max(self.prompts, 1)]
        a_left = (block + fixed.coin[unit]) % 2 == 0
        return Stretch(
            tasks=TaskPlan(prompt=prompt, members=members),
            a_left=a_left if self.is_pairwise else np.ones_like(a_left),
        )

    def place_of(self, prompt: int, first: int, second: int) -> int:
        """Return where the task about a pair (or about one system, twice) stands in the order."""
        fixed = _fixed(self)
        unit = fixed.number[min(first, second), max(first, second)]
        at = int(np.flatnonzero(fixed.prompts == prompt)[0])
        block = (at - int(fixed.start[unit])) % self.prompts
        begin = block * self.block
        members = self.stretch(begin, begin + self.block).tasks.members
        return begin + int(np.flatnonzero(fixed.number[members[:, 0], members[:, -1]] == unit)[0])

    def count_about(self, start: int, stop: int, systems: set[int]) -> int:
        block = max(self.block, 1)
        first, last = -(-start // block), stop // block
        if first >= last:
            return self._counted_about(start, stop, systems)
        ends = (start, first * block), (last * block, stop)
        each = self._counted_about(0, self.block, systems)
        return (last - first) * each + sum(self._counted_about(*end, systems) for end in ends)

    def _counted_about(self, start: int, stop: int, systems: set[int]) -> int:
        part = self.stretch(start, stop)
        return len(part) - len(part.without(systems))


@dataclass(frozen=True, kw_only=True)
class _Fixed:
    """What all blocks share. A unit is a pair of systems, or a system."""

    #: [block, 1 or 2]: who plays whom in a tournament, by seat.
    games: Ints
    #: [systems, systems]: the number of the unit.
    number: Ints
    #: The prompts in their shuffled order.
    prompts: Ints
    #: By unit: where its circle through the prompts starts, and whether b stands left first.
    start: Ints
    coin: Ints


@lru_cache(maxsize=8)
def _fixed(order: Blocks) -> _Fixed:
    if order.is_pairwise:
        games = np.array(round_robin(order.systems), dtype=np.int64).reshape(-1, 2)
        number = pair_numbers(order.systems)[2]
    else:
        games = np.arange(order.systems).reshape(-1, 1)
        number = np.diag(np.arange(order.systems))
    seats = shuffled(order.seed, _STARTS, 1, order.systems)[0]
    who = seats[games]
    start = np.zeros(order.block, dtype=np.int64)
    start[number[who.min(axis=1), who.max(axis=1)]] = (
        np.arange(order.block) * order.prompts // max(order.block, 1)
    )
    return _Fixed(
        games=games,
        number=number,
        prompts=shuffled(order.seed, _PROMPTS, 1, order.prompts)[0],
        start=start,
        coin=coins(order.seed, _SIDES, order.block),
    )


def _seats(order: Blocks, block: Ints) -> Ints:
    """Return [places, systems]: who sits where in the block of each place."""
    if len(block) == 0:
        return np.zeros((0, order.systems), dtype=np.int64)
    first = int(block[0])
    count = int(block[-1]) - first + 1
    seats = shuffled(order.seed, _SEATS, count, order.systems, skip=first)
    return np.asarray(seats[block - first])
