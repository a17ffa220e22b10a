"""A bootstrap over tasks that never draws more than a few thousand numbers a resample.

Tasks with the same counts are one kind, and kinds are drawn. Where the kinds are many the tasks
are put into bundles at random, and bundles are drawn: ratios of sums vary as they did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ranking.stats.counts import Floats, Ints, renumbered
from ranking.stats.shares import wilson

RESAMPLES = 1000
#: Below so many tasks there is no interval: resamples of so few are all alike.
LEAST_TASKS = 10
#: Up to so many kinds are drawn; beyond it, so many bundles.
KINDS, BUNDLES = 200, 2000
#: Possible kinds up to that are counted.
_COUNTED = 2**22
#: An interval narrower than that is none.
_NOTHING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Resampled:
    """A value with its percentile interval; ends are None where tasks are too few to tell."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Columns added up: over all tasks [1, k], and over each resample's [resamples, k]."""

    observed: Floats
    drawn: Floats


@dataclass(frozen=True, kw_only=True)
class TaskBootstrap:
    """Tasks by kind: `rows` [kinds, columns] and how many tasks are of each, [kinds].

    `bundles` [bundles, kinds] says how many of each are drawn together; None: kinds are drawn.
    """

    rows: Floats
    alike: Ints
    bundles: csr_array | None
    level: float
    rng: np.random.Generator

    @staticmethod
    def of(table: Floats, *, rng: np.random.Generator, level: float) -> TaskBootstrap:
        """Take `table` [tasks, columns] of whole numbers."""
        rows, kind = _kinds(table)
        return TaskBootstrap(
            rows=rows,
            alike=np.bincount(kind, minlength=len(rows)),
            bundles=_bundles(kind, len(rows), rng) if len(rows) > KINDS else None,
            level=level,
            rng=rng,
        )

    @property
    def tasks(self) -> int:
        return int(self.alike.sum())

    @cached_property
    def weights(self) -> Floats:
        """Return how often each kind or bundle is drawn, [resamples, kinds or bundles]."""
        if self.bundles is None:
            shares = self.alike / self.tasks
            return self.rng.multinomial(self.tasks, shares, RESAMPLES).astype(float)
        size = self.bundles.shape[0]
        weights = np.empty((RESAMPLES, size))
        for row in weights:
            row[:] = np.bincount(self.rng.integers(0, size, size), minlength=size)
        return weights

    def sums(self, columns: Floats) -> Sums:
        """Add up `columns` [kinds, k] over the tasks, and over those of each resample."""
        drawn = self.weights @ (columns if self.bundles is None else self.bundles @ columns)
        return Sums(observed=(self.alike @ columns)[None], drawn=drawn)

    def estimate(
        self,
        sums: Sums,
        statistic: Callable[[Floats], Floats],
        *,
        telling: int | None = None,
        is_share: bool = False,
    ) -> Resampled | None:
        """Return a statistic of the sums; None where it is NaN.

        So many of the tasks are `telling`; all, if not said. Where no resample differs there is
        no interval; for a share, Wilson's with tasks as trials.
        """
        value = float(statistic(sums.observed)[0])
        if np.isnan(value):
            return None
        trials = self.tasks if telling is None else telling
        low = high = None
        if trials >= LEAST_TASKS:
            low, high = _ends(statistic(sums.drawn), self.level)
            if low is None and is_share:
                by_tasks = wilson(value * trials, trials, level=self.level)
                low, high = (by_tasks.low, by_tasks.high) if by_tasks else (None, None)
        return Resampled(value=value, low=low, high=high)


def _ends(drawn: Floats, level: float) -> tuple[float | None, float | None]:
    """Return the percentiles; None where nothing varies, or most resamples say nothing."""
    said = drawn[~np.isnan(drawn)]
    if 2 * len(said) < len(drawn):
        return None, None
    low, high = np.quantile(said, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high)) if high - low > _NOTHING else (None, None)


def _kinds(table: Floats) -> tuple[Floats, Ints]:
    """Return the different rows of whole numbers, and the number of each row's kind.

    Where there could be very many, each row is a kind.
    """
    sizes = table.max(axis=0, initial=0) + 1
    if np.prod(sizes) > _COUNTED:
        return table, np.arange(len(table))
    radix = np.cumprod(np.concatenate([[1], sizes[:-1]])).astype(np.int64)
    kind, _ = renumbered((table @ radix).astype(np.int64), int(np.prod(sizes)))
    rows = np.zeros((int(kind.max(initial=-1)) + 1, table.shape[1]))
    rows[kind] = table
    return rows, kind


def _bundles(kind: Ints, kinds: int, rng: np.random.Generator) -> csr_array:
    """Return [bundle, kind]: how many of its tasks are in it; sizes differ by one at most."""
    tasks = len(kind)
    bundles = min(BUNDLES, tasks)
    ends = np.linspace(0, tasks, bundles + 1).astype(np.int64)
    mixed = rng.permutation(np.sort(kind))
    return csr_array((np.ones(tasks), mixed, ends), shape=(bundles, kinds))
