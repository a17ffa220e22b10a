"""Forty raters on one ring of slots: what a window of sixteen does for each of them.

Simulated without a database, by the product's own rules for stretches, windows and choices.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from annotation.design import Blocks, Candidate, Seen, choose_slot, layers
from annotation.stretches import LEAST_TASKS, SLOTS
from annotation.walks import WINDOW

RATERS = 40
CATEGORIES = ["code", "chat", "maths", "law", "rare"]
SHARES = {"code": 0.4, "chat": 0.3, "maths": 0.2, "law": 0.08, "rare": 0.02}


@dataclass
class Ring:
    """A study's slots, made a stretch at a time."""

    design: Blocks
    target: int
    slots: list[tuple[int, Candidate]] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    place: int = 0

    def grow(self) -> bool:
        stop = min(self.place + max(LEAST_TASKS, SLOTS // self.target), self.design.count)
        part = self.design.stretch(self.place, stop)
        plan = layers(part, target=self.target)
        for task, a_left in zip(plan.task.tolist(), plan.a_left.tolist(), strict=True):
            prompt = int(part.tasks.prompt[task])
            pair = (int(part.tasks.system_a[task]), int(part.tasks.system_b[task]))
            candidate = Candidate(
                pair=pair, prompt=prompt, a_left=a_left, category=category_of(prompt, self.design)
            )
            self.open.append(len(self.slots))
            self.slots.append((self.place + task, candidate))
        self.place, has_grown = stop, stop > self.place
        return has_grown


def category_of(prompt: int, design: Blocks) -> str:
    """Categories in the shares above, whatever the number of prompts."""
    bounds = np.cumsum(list(SHARES.values()))
    return CATEGORIES[int(np.searchsorted(bounds, (prompt + 0.5) / design.prompts))]


@dataclass
class Walker:
    cursor: int
    met: set[int] = field(default_factory=set)
    shown: list[Candidate] = field(default_factory=list)

    def window(self, ring: Ring, size: int) -> list[int]:
        start = bisect_left(ring.open, self.cursor)
        ahead = (p for p in ring.open[start:] + ring.open[:start])
        found = []
        for position in ahead:
            if ring.slots[position][0] not in self.met:
                found.append(position)
            if len(found) == size:
                break
        return found

    def seen(self) -> Seen:
        lead: Counter[tuple[int, int | None]] = Counter()
        for slot in self.shown:
            lead[slot.pair] += 1 if slot.a_left else -1
        last = self.shown[-1] if self.shown else None
        return Seen(
            lead=lead,
            categories=Counter(slot.category for slot in self.shown),
            last_pair=last.pair if last else None,
            last_prompt=last.prompt if last else None,
        )

    def judge(self, ring: Ring, size: int, shares: dict[str, float] | None) -> bool:
        window = self.window(ring, size)
        while len(window) < size and ring.grow():
            window = self.window(ring, size)
        if not window:
            return False
        candidates = [ring.slots[position][1] for position in window]
        chosen = choose_slot(candidates, self.seen(), shares=shares)
        ring.open.remove(window[chosen])
        self.cursor = window[0]
        self.met.add(ring.slots[window[chosen]][0])
        self.shown.append(candidates[chosen])
        return True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Over forty raters: the worst imbalance of sides and of categories, in tasks; and repeats."""

    sides: int
    pair_sides: int
    category: float
    pairs_twice_in_a_row: int
    study_sides: int
    judged: int
    made: int


@cache
def simulated(
    *, systems=6, prompts=100, target=3, tasks=50, size=WINDOW, with_shares=True
) -> Outcome:
    rng = np.random.default_rng(4)
    design = Blocks(is_pairwise=True, systems=systems, prompts=prompts, seed=4)
    ring = Ring(design, target)
    ring.grow()
    walkers = [Walker(cursor=int(rng.integers(len(ring.slots)))) for _ in range(RATERS)]
    for _ in range(tasks):
        for walker in rng.permutation(RATERS):
            walkers[walker].judge(ring, size, SHARES if with_shares else None)
    return _outcome(ring, walkers)


def _outcome(ring: Ring, walkers: list[Walker]) -> Outcome:
    seen = [walker.seen() for walker in walkers]
    study: Counter[tuple[int, int | None]] = Counter()
    for one in seen:
        study.update(one.lead)
    return Outcome(
        sides=max(abs(sum(one.lead.values())) for one in seen),
        pair_sides=max(abs(n) for one in seen for n in one.lead.values()),
        category=max(
            abs(one.categories[name] - share * len(walker.shown))
            for one, walker in zip(seen, walkers, strict=True)
            for name, share in SHARES.items()
        ),
        pairs_twice_in_a_row=sum(
            one.pair == following.pair
            for walker in walkers
            for one, following in pairwise(walker.shown)
        ),
        study_sides=max(map(abs, study.values())),
        judged=sum(len(walker.shown) for walker in walkers),
        made=len(ring.slots),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("systems", "prompts"), [(3, 300), (6, 100), (12, 100), (50, 200)])
def test_every_raters_sides_and_categories_follow_the_design(systems, prompts):
    outcome = simulated(systems=systems, prompts=prompts)
    assert outcome.judged == RATERS * 50
    assert outcome.sides <= 4
    assert outcome.pair_sides <= 2
    assert outcome.category <= 2
    assert outcome.pairs_twice_in_a_row == 0
    # The study as a whole is exact at its end; on the way, raters take one side before the other.
    assert outcome.study_sides <= 4
    assert outcome.made <= outcome.judged + 2 * SLOTS


@pytest.mark.slow
def test_without_a_window_they_do_not():
    """What the window buys: the first open slot, always, leaves raters far off."""
    bare = simulated(size=1)
    assert bare.sides >= 10
    assert bare.category >= 6
    assert bare.pairs_twice_in_a_row > 50


@pytest.mark.slow
def test_categories_cost_two_tasks_of_balance_at_most():
    bare = simulated(with_shares=False)
    kept = simulated()
    assert bare.category >= 6 > 2 >= kept.category
    assert kept.sides <= bare.sides + 2
    assert kept.pair_sides <= bare.pair_sides + 1


@pytest.mark.slow
def test_two_systems_have_one_pair_and_that_comes_again():
    outcome = simulated(systems=2, prompts=800)
    assert outcome.pairs_twice_in_a_row == RATERS * 49
    assert outcome.sides == outcome.pair_sides <= 2
