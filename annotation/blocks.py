"""The order of a full design, any stretch of it at a time: pure numbers, nothing kept but a seed.

Tasks come in blocks. A block asks about every pair of systems once (about every system once, where
one output is judged), in the order of a tournament whose seats are drawn anew, so that a stretch
of any length asks every pair equally often to within one, and every system to within one or two.
Each pair walks the prompts, which were shuffled once, in a circle from a start of its own; the
starts lie evenly, so that whole blocks ask every prompt equally often to within one, and each
prompt's pairs are a stretch of a tournament too. A pair's tasks show a and b on the left in turn.

A balanced incomplete design within a budget is therefore the beginning of the full one.

Studies run for months, so the numbers come straight from the PCG64 bit stream, which NumPy
promises to keep (NEP 19), unlike its shuffles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from annotation.design import Ints, SlotPlan, TaskPlan, pair_numbers, round_robin, task_count

#: What each stream of random words is for.
_PROMPTS, _STARTS, _SIDES, _SEATS = range(4)


@dataclass(frozen=True, kw_only=True)
class FullDesign:
    """What the whole order follows from."""

    is_pairwise: bool
    systems: int
    prompts: int
    seed: int

    @property
    def block(self) -> int:
        """How many tasks a block has: one for each pair of systems, or for each system."""
        return task_count(is_pairwise=self.is_pairwise, systems=self.systems, prompts=1)

    @property
    def count(self) -> int:
        return task_count(is_pairwise=self.is_pairwise, systems=self.systems, prompts=self.prompts)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Some tasks in their order, and which of them show a on the left to their first rater."""

    tasks: TaskPlan
    a_left: NDArray[np.bool_]


def stretch(design: FullDesign, start: int, stop: int) -> Stretch:
    """Return the tasks from place `start` up to `stop` of the order; both within the design."""
    place = np.arange(start, stop)
    block, seat = np.divmod(place, max(design.block, 1))
    fixed = _fixed(design)
    who = _seats(design, block)[np.arange(len(place))[:, None], fixed.games[seat]]
    first, second = who.min(axis=1), who.max(axis=1)
    unit = fixed.number[first, second]
    tasks = TaskPlan(
        prompt=fixed.prompts[(block + fixed.start[unit]) % max(design.prompts, 1)],
        system_a=first,
        system_b=second if design.is_pairwise else np.full(len(place), -1),
    )
    a_left = (block + fixed.coin[unit]) % 2 == 0
    return Stretch(tasks=tasks, a_left=a_left if design.is_pairwise else np.ones_like(a_left))


def layers(part: Stretch, *, target: int) -> SlotPlan:
    """Give every task of the stretch `target` slots: all tasks once, then again.

    From layer to layer each task's sides change places. Over the stretches so far, a pair of
    systems shows a on the left as often as b, to within one.
    """
    count = len(part.a_left)
    k = np.repeat(np.arange(target), count)
    has_sides = np.tile(part.tasks.system_b >= 0, target)
    return SlotPlan(
        task=np.tile(np.arange(count), target),
        k=k,
        a_left=np.tile(part.a_left, target) ^ (has_sides & (k % 2 == 1)),
    )


def without(part: Stretch, systems: set[int]) -> Stretch:
    """Leave out the tasks about any of `systems`."""
    gone = list(systems)
    kept = ~(np.isin(part.tasks.system_a, gone) | np.isin(part.tasks.system_b, gone))
    tasks = TaskPlan(
        prompt=part.tasks.prompt[kept],
        system_a=part.tasks.system_a[kept],
        system_b=part.tasks.system_b[kept],
    )
    return Stretch(tasks=tasks, a_left=part.a_left[kept])


def count_about(design: FullDesign, start: int, stop: int, systems: set[int]) -> int:
    """Return how many tasks from place `start` up to `stop` are about any of `systems`."""
    block = max(design.block, 1)
    first, last = -(-start // block), stop // block
    if first >= last:
        return _counted_about(design, start, stop, systems)
    ends = (start, first * block), (last * block, stop)
    each = _counted_about(design, 0, design.block, systems)
    return (last - first) * each + sum(_counted_about(design, *end, systems) for end in ends)


def _counted_about(design: FullDesign, start: int, stop: int, systems: set[int]) -> int:
    return stop - start - len(without(stretch(design, start, stop), systems).a_left)


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
def _fixed(design: FullDesign) -> _Fixed:
    if design.is_pairwise:
        games = np.array(round_robin(design.systems), dtype=np.int64).reshape(-1, 2)
        number = pair_numbers(design.systems)[2]
    else:
        games = np.arange(design.systems).reshape(-1, 1)
        number = np.diag(np.arange(design.systems))
    seats = _shuffled(design.seed, _STARTS, 1, design.systems)[0]
    who = seats[games]
    start = np.zeros(design.block, dtype=np.int64)
    start[number[who.min(axis=1), who.max(axis=1)]] = (
        np.arange(design.block) * design.prompts // max(design.block, 1)
    )
    return _Fixed(
        games=games,
        number=number,
        prompts=_shuffled(design.seed, _PROMPTS, 1, design.prompts)[0],
        start=start,
        coin=(_words(design.seed, _SIDES, 0, design.block) >> np.uint64(63)).astype(np.int64),
    )


def _seats(design: FullDesign, block: Ints) -> Ints:
    """Return [places, systems]: who sits where in the block of each place."""
    if len(block) == 0:
        return np.zeros((0, design.systems), dtype=np.int64)
    first = int(block[0])
    count = int(block[-1]) - first + 1
    seats = _shuffled(design.seed, _SEATS, count, design.systems, skip=first)
    return np.asarray(seats[block - first])


def _shuffled(seed: int, stream: int, rows: int, count: int, *, skip: int = 0) -> Ints:
    """Return [rows, count]: as many permutations, `skip` rows into the stream."""
    words = _words(seed, stream, skip * count, rows * count)
    return np.argsort(words.reshape(rows, count), axis=1, kind="stable")


def _words(seed: int, stream: int, start: int, count: int) -> NDArray[np.uint64]:
    bits = np.random.PCG64(np.random.SeedSequence([seed, stream]))
    bits.advance(start)
    return np.asarray(bits.random_raw(count), dtype=np.uint64)
