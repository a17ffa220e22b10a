"""Groups of systems on one screen: who is in one, and in which order they stand.

Groups come prompt by prompt. They are dealt once, for a chunk of prompts; every chunk has the same
groups of seats, and seats its systems anew. A chunk is as long as it takes for all systems to be
shown equally often (or, where a prompt has one group, to stand at all places equally often), so
the balance within a chunk is the balance of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np

from annotation.design.orders import Order, Stretch
from annotation.design.tasks import Ints, TaskPlan, numbered
from annotation.design.words import shuffled

#: What each stream of random words is for.
_PROMPTS, _LOTS, _SEATS, _DECKS = range(20, 24)
#: A chunk deals so many outputs, about.
_DEALT = 4096


def groups_on_a_prompt(*, systems: int, size: int) -> int:
    """Return how many groups of that size show every system at least once."""
    return -(-systems // max(min(size, systems), 1))


@dataclass(frozen=True, kw_only=True)
class GroupsInOrder(Order):
    """Groups of `size` systems on every prompt, so that each system is shown at least once on it.

    Where the groups do not come out even, some systems are shown twice on a prompt; over all
    prompts each is shown as often, to within one, and pairs meet about equally often. `extra` are
    places on the screen that no system has.
    """

    name = "groups"

    size: int
    extra: int = 0

    @property
    def members(self) -> int:
        return min(self.size, self.systems)

    @property
    def width(self) -> int:
        """How many places there are on the screen."""
        return self.members + self.extra

    @property
    def groups(self) -> int:
        return groups_on_a_prompt(systems=self.systems, size=self.size)

    @property
    def count(self) -> int:
        return self.groups * self.prompts

    @property
    def fewest(self) -> int:
        return self.groups

    @property
    def chunk(self) -> int:
        """How many prompts are dealt to together."""
        twice = self.groups * self.members - self.systems
        even = self.systems // gcd(twice, self.systems) if self.groups > 1 else self.width
        wanted = _DEALT // max(self.groups * self.members, 1)
        return max(even, wanted // max(even, 1) * even, 1)

    def stretch(self, start: int, stop: int) -> Stretch:
        at, group = np.divmod(np.arange(start, stop), max(self.groups, 1))
        chunk, row = np.divmod(at, self.chunk)
        dealt, row = _dealt(self), row * self.groups + group
        seats = self._permutations(_SEATS, chunk, self.systems)
        members = np.take_along_axis(seats, dealt.members[row], axis=1)
        return Stretch(
            tasks=TaskPlan(
                prompt=dealt.prompts[at],
                members=np.sort(members, axis=1),
                group=group,
                extra=self.extra,
            ),
            a_left=np.ones(len(at), dtype=np.bool_),
            order=self._orders(chunk, dealt.deck[row], dealt.turn[row]),
        )

    def _orders(self, chunk: Ints, deck: Ints, turn: Ints) -> Ints:
        """Return the order on the screen: equal groups turn through the rotations of a deck."""
        decks = self._permutations(_DECKS, chunk * (self.chunk * self.groups) + deck, self.width)
        at = (np.arange(self.width) + turn[:, None]) % max(self.width, 1)
        return np.take_along_axis(decks, at, axis=1)

    def _permutations(self, stream: int, row: Ints, count: int) -> Ints:
        """Return [places, count]: of a stream of permutations, the one at each place's row."""
        if len(row) == 0:
            return np.zeros((0, count), dtype=np.int64)
        first = int(row.min())
        rows = shuffled(self.seed, stream, int(row.max()) - first + 1, count, skip=first)
        return np.asarray(rows[row - first])

    def count_about(self, start: int, stop: int, systems: set[int]) -> int:
        length = self.chunk * self.groups
        steps = range(start // length * length, stop, length) if length else range(0)
        parts = (self.stretch(max(at, start), min(at + length, stop)) for at in steps)
        return sum(len(part) - len(part.without(systems)) for part in parts)


@dataclass(frozen=True, kw_only=True)
class _Dealt:
    """What all chunks share."""

    #: The prompts in their shuffled order.
    prompts: Ints
    #: [group of a chunk, place]: who is in it, by seat.
    members: Ints
    #: Its deck of places, and by how many of them it is turned.
    deck: Ints
    turn: Ints


@lru_cache(maxsize=8)
def _dealt(order: GroupsInOrder) -> _Dealt:
    prompts = min(order.chunk, order.prompts)
    dealer = _Dealer(order.systems, order.members)
    lots = shuffled(order.seed, _LOTS, prompts, order.systems)
    rows = [sorted(group) for lot in lots for group in dealer.deal(order.groups, lot)]
    members = np.array(rows, dtype=np.int64).reshape(-1, order.members)
    number, same = numbered(members, np.arange(len(members)))
    used, turn = np.divmod(number, max(order.width, 1))
    deck = np.unique(np.column_stack([same, used]), axis=0, return_inverse=True)[1]
    return _Dealt(
        prompts=shuffled(order.seed, _PROMPTS, 1, order.prompts)[0],
        members=members,
        deck=deck.reshape(-1),
        turn=turn,
    )


class _Dealer:
    """Deals systems to groups, and remembers how often each was shown, and with whom."""

    def __init__(self, systems: int, size: int) -> None:
        self.systems, self.size = systems, size
        self.shown = np.zeros(systems, dtype=np.int64)
        self.met = np.zeros((systems, systems), dtype=np.int64)

    def deal(self, count: int, lot: Ints) -> list[list[int]]:
        """Return the groups of one prompt; systems shown least so far may come twice."""
        rarest = lot[np.argsort(self.shown[lot], kind="stable")]
        twice = rarest[: count * self.size - self.systems]
        groups: list[list[int]] = [[] for _ in range(count)]
        # Those that come twice first: they are fewer than a group holds, so they always fit.
        for system in [*np.repeat(twice, 2), *lot[~np.isin(lot, twice)]]:
            open_to = [g for g in groups if len(g) < self.size and system not in g]
            group = min(open_to, key=lambda g: (self.met[system, g].sum(), len(g)))
            self.met[system, group] += 1
            self.met[group, system] += 1
            self.shown[system] += 1
            group.append(int(system))
        return groups
