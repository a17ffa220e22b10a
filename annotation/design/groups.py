"""Groups of systems on one screen: who is in one, and in which order they stand."""

from __future__ import annotations

import numpy as np

from annotation.design.tasks import Ints, TaskPlan


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


class Orders:
    """Orders on the screen: the rotations of a random order are dealt to the tasks of a group.

    A task's next layer is its next rotation, so that its outputs move on by one place.
    """

    def __init__(self, tasks: TaskPlan, rng: np.random.Generator) -> None:
        self.size = tasks.members.shape[1] + tasks.extra
        place, same = places_by_lot(tasks.members, rng)
        block = np.column_stack([same, place // self.size])
        _, deal = np.unique(block, axis=0, return_inverse=True)
        deal = deal.reshape(-1)
        decks = np.tile(np.arange(self.size), (deal.max(initial=-1) + 1, 1))
        self.deck = rng.permuted(decks, axis=1)[deal]
        self.turn = place % self.size

    def of(self, tasks: Ints, k: int) -> Ints:
        turned = (np.arange(self.size) + self.turn[tasks, None] + k) % self.size
        return np.take_along_axis(self.deck[tasks], turned, axis=1)


def places_by_lot(members: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
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
