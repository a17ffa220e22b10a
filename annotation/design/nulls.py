"""Pairs, and among them, evenly, pairs of an output with itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from annotation.design.blocks import Blocks
from annotation.design.orders import Order, Stretch
from annotation.design.tasks import TaskPlan
from annotation.design.words import coins

#: Not one of the streams of `blocks`.
_SIDES = 10


def null_pair_count(*, pairs: int, systems: int, prompts: int, share: float) -> int:
    """Return how many pairs of an output with itself there are for a share of the pairs."""
    return min(ceil(share * pairs), systems * prompts)


@dataclass(frozen=True, kw_only=True)
class PairsWithNulls(Order):
    """Every pair of systems on every prompt, and null pairs: a share of the number of pairs.

    The null pairs are the beginning of an order of single systems, so each system has as many, to
    within one, and each on another prompt. Their sides change in turn, system by system.
    """

    name = "blocks, and null pairs among them"

    share: float

    @property
    def count(self) -> int:
        return self._pairs.count + self._nulls

    @property
    def fewest(self) -> int:
        return ceil((self.systems - 1) * self.count / max(self._pairs.count, 1))

    @property
    def _pairs(self) -> Blocks:
        return Blocks(is_pairwise=True, systems=self.systems, prompts=self.prompts, seed=self.seed)

    @property
    def _singles(self) -> Blocks:
        return Blocks(is_pairwise=False, systems=self.systems, prompts=self.prompts, seed=self.seed)

    @property
    def _nulls(self) -> int:
        return null_pair_count(
            pairs=self._pairs.count,
            systems=self.systems,
            prompts=self.prompts,
            share=self.share,
        )

    def _nulls_before(self, place: int) -> int:
        return place * self._nulls // max(self.count, 1)

    def stretch(self, start: int, stop: int) -> Stretch:
        first, last = self._nulls_before(start), self._nulls_before(stop)
        pairs = self._pairs.stretch(start - first, stop - last)
        nulls = self._null_pairs(first, last)
        ends = np.arange(start, stop + 1) * self._nulls // max(self.count, 1)
        is_null = np.diff(ends) > 0
        # Where each place's task is, among the pairs and behind them the null pairs.
        at = np.where(is_null, len(pairs) + np.cumsum(is_null), np.cumsum(~is_null)) - 1
        return _joined(pairs, nulls).only(at)

    def _null_pairs(self, first: int, last: int) -> Stretch:
        alone = self._singles.stretch(first, last).tasks
        turn = np.arange(first, last) // max(self.systems, 1)
        coin = coins(self.seed, _SIDES, self.systems)[alone.system_a]
        return Stretch(
            tasks=TaskPlan(prompt=alone.prompt, members=np.repeat(alone.members, 2, axis=1)),
            a_left=(turn + coin) % 2 == 0,
        )

    def count_about(self, start: int, stop: int, systems: set[int]) -> int:
        first, last = self._nulls_before(start), self._nulls_before(stop)
        nulls = self._singles.count_about(first, last, systems)
        return nulls + self._pairs.count_about(start - first, stop - last, systems)


def _joined(one: Stretch, other: Stretch) -> Stretch:
    return Stretch(
        tasks=TaskPlan(
            prompt=np.r_[one.tasks.prompt, other.tasks.prompt],
            members=np.concatenate([one.tasks.members, other.tasks.members]),
        ),
        a_left=np.r_[one.a_left, other.a_left],
    )
