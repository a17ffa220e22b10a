"""Which tasks, how often, in which order, which side: pure functions, random numbers in.

Systems, prompts and tasks are numbers here; `annotation.launch` turns them into rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """Tasks as arrays: entry i is the prompt of task i, and row i its systems in their order."""

    prompt: Ints
    #: [task, output]: one system, two of a pair, or those of a group.
    members: Ints
    #: A group's number on its prompt; None where tasks are not groups.
    group: Ints | None = None
    #: Places on the screen that no system has: a hidden reference stands at the last one.
    extra: int = 0

    @property
    def system_a(self) -> Ints:
        return self.members[:, 0]

    @property
    def system_b(self) -> Ints:
        """Return the second system of each pair; -1 where tasks are not pairs."""
        if self.group is None and self.members.shape[1] == 2:
            return self.members[:, 1]
        return np.full(len(self.prompt), -1)


@dataclass(frozen=True, kw_only=True)
class SlotPlan:
    """Parallel arrays, one entry a slot, in the order in which raters meet them."""

    task: Ints
    k: Ints
    #: True: output a stands on the left.
    a_left: NDArray[np.bool_]
    #: [slot, place on the screen]: which of a group's outputs stands there; None: no groups.
    order: Ints | None = None


def plan_pairs(*, systems: int, prompts: int) -> TaskPlan:
    """Every pair of systems on every prompt, prompt by prompt."""
    return _on_every_prompt(list(combinations(range(systems), 2)), prompts, size=2)


def plan_singles(*, systems: int, prompts: int) -> TaskPlan:
    """Every system on every prompt, prompt by prompt."""
    return _on_every_prompt([(system,) for system in range(systems)], prompts, size=1)


def _on_every_prompt(each: list[tuple[int, ...]], prompts: int, *, size: int) -> TaskPlan:
    members = np.array(each, dtype=np.int64).reshape(-1, size)
    return TaskPlan(
        prompt=np.repeat(np.arange(prompts), len(each)), members=np.tile(members, (prompts, 1))
    )


def null_pair_count(*, pairs: int, systems: int, prompts: int, share: float) -> int:
    """Return how many pairs of an output with itself there are for a share of the pairs."""
    return min(int(np.ceil(share * pairs)), systems * prompts)


def with_null_pairs(
    pairs: TaskPlan, *, systems: int, prompts: int, share: float, rng: np.random.Generator
) -> TaskPlan:
    """Add pairs of an output with itself, by lot; each system has as many, to within one."""
    count = null_pair_count(pairs=len(pairs.prompt), systems=systems, prompts=prompts, share=share)
    # Dealt in rounds: in each, every system meets a prompt that it has not met before.
    turns = rng.permuted(np.tile(np.arange(prompts), (systems, 1)), axis=1)
    dealt = np.arange(count)
    system = rng.permutation(systems)[dealt % max(systems, 1)]
    prompt = turns[system, dealt // max(systems, 1)]
    both = TaskPlan(
        prompt=np.r_[pairs.prompt, prompt],
        members=np.concatenate([pairs.members, np.column_stack([system, system])]),
    )
    by_prompt = np.argsort(both.prompt, kind="stable")
    return TaskPlan(prompt=both.prompt[by_prompt], members=both.members[by_prompt])


def groups_on_a_prompt(*, systems: int, size: int) -> int:
    """Return how many groups of that size show every system at least once."""
    return -(-systems // max(min(size, systems), 1))


def plan_groups(
    *, systems: int, prompts: int, size: int, rng: np.random.Generator, extra: int = 0
) -> TaskPlan:
    """Groups of `size` systems on every prompt, so that each system is shown at least once on it.

    Where the groups do not come out even, some systems are shown twice on a prompt; over all
    prompts each is shown as often, to within one, and pairs meet about equally often.
    """
    size = min(size, systems)
    groups = groups_on_a_prompt(systems=systems, size=size)
    dealer = _Dealer(systems, size, rng)
    members = [sorted(group) for _ in range(prompts) for group in dealer.deal(groups)]
    return TaskPlan(
        prompt=np.repeat(np.arange(prompts), groups),
        members=np.array(members, dtype=np.int64).reshape(-1, size),
        group=np.tile(np.arange(groups), prompts),
        extra=extra,
    )


class _Dealer:
    """Deals systems to groups, and remembers how often each was shown, and with whom."""

    def __init__(self, systems: int, size: int, rng: np.random.Generator) -> None:
        self.systems, self.size, self.rng = systems, size, rng
        self.shown = np.zeros(systems, dtype=np.int64)
        self.met = np.zeros((systems, systems), dtype=np.int64)

    def deal(self, count: int) -> list[list[int]]:
        """Return the groups of one prompt; systems shown least so far may come twice."""
        lot = self.rng.permutation(self.systems)
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


def plan_slots(tasks: TaskPlan, *, target: int, rng: np.random.Generator) -> SlotPlan:
    """Give every task `target` slots, in layers: all tasks once in random order, then again.

    Over the slots of a pair of systems, a stands on the left as often as b (to within one); so it
    does within each layer, and, for an even target, within each task. Over the slots of a group of
    systems, in each layer, each stands at each place as often, to within one.
    """
    count = len(tasks.prompt)
    first_left = _first_sides(tasks, rng)
    has_sides = tasks.system_b >= 0
    layers = [rng.permutation(count) for _ in range(target)]
    orders = None if tasks.group is None else _Orders(tasks, rng)
    return SlotPlan(
        task=np.concatenate(layers),
        k=np.repeat(np.arange(target), count),
        a_left=np.concatenate(
            [
                first_left[layer] ^ (has_sides[layer] & (k % 2 == 1))
                for k, layer in enumerate(layers)
            ]
        ),
        order=np.concatenate([orders.of(layer, k) for k, layer in enumerate(layers)])
        if orders
        else None,
    )


def _first_sides(tasks: TaskPlan, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which tasks show a on the left in the first layer: half of each pair's, by lot.

    Over all layers an odd one out within a pair is met by its opposite in the next layer.
    """
    sides = np.ones(len(tasks.prompt), dtype=np.bool_)
    if len(sides) == 0 or tasks.system_b[0] < 0:
        return sides
    place, pair = _places_by_lot(tasks.members, rng)
    coin = rng.integers(0, 2, pair.max() + 1)
    return np.asarray((place + coin[pair]) % 2 == 0)


def _places_by_lot(members: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Number the tasks of equal systems by lot; return the numbers, and which systems it was."""
    _, same = np.unique(members, axis=0, return_inverse=True)
    same = same.reshape(-1)
    shuffled = rng.permutation(len(same))
    order = shuffled[np.argsort(same[shuffled], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(same[order]) != 0])
    lengths = np.diff(np.r_[starts, len(order)])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    return place, same


class _Orders:
    """Orders on the screen: the rotations of a random order are dealt to the tasks of a group.

    A task's next layer is its next rotation, so that its outputs move on by one place.
    """

    def __init__(self, tasks: TaskPlan, rng: np.random.Generator) -> None:
        self.size = tasks.members.shape[1] + tasks.extra
        place, same = _places_by_lot(tasks.members, rng)
        block = np.column_stack([same, place // self.size])
        _, deal = np.unique(block, axis=0, return_inverse=True)
        deal = deal.reshape(-1)
        decks = np.tile(np.arange(self.size), (deal.max(initial=-1) + 1, 1))
        self.deck = rng.permuted(decks, axis=1)[deal]
        self.turn = place % self.size

    def of(self, tasks: Ints, k: int) -> Ints:
        turned = (np.arange(self.size) + self.turn[tasks, None] + k) % self.size
        return np.take_along_axis(self.deck[tasks], turned, axis=1)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An open slot that a rater could be given."""

    pair: tuple[int, int | None]
    prompt: int
    a_left: bool


def choose_slot(
    candidates: list[Candidate],
    shown: dict[tuple[tuple[int, int | None], bool], int],
    *,
    last_prompt: int | None = None,
) -> int:
    """Return the index of the slot that keeps this rater's sides balanced best.

    `shown[pair, a_left]` counts what the rater has met. Balance within the pair comes first, then
    over all pairs, then a prompt other than the last one, then the stored order.
    """

    def imbalance(index: int) -> tuple[int, int, bool, int]:
        slot = candidates[index]
        sign = 1 if slot.a_left else -1
        within = shown.get((slot.pair, True), 0) - shown.get((slot.pair, False), 0)
        overall = sum(n if a_left else -n for (_, a_left), n in shown.items())
        return abs(within + sign), abs(overall + sign), slot.prompt == last_prompt, index

    return min(range(len(candidates)), key=imbalance)
