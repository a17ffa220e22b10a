"""Pairwise judgments as counts of distinct cells, and cells as matrices of counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.stats.exceptions import ImpossibleData

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

A_WINS, B_WINS, TIE, BOTH_BAD = range(4)
OUTCOMES = 4
#: What an outcome is worth to a, in wins.
WORTH = np.array([1.0, 0.0, 0.5, 0.5])
#: Which output stood on the left.
LEFT_UNKNOWN, LEFT_A, LEFT_B = range(3)
#: +1 where a stood on the left, -1 where b did.
SIDE = np.array([0.0, 1.0, -1.0])

#: Keys of so many judgments stay in a core's cache while they are counted.
_CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How often each pair of systems met, by outcome; all arrays are [systems, systems].

    `wins[i, j]`: i was preferred to j. `ties` and `both_bad` are symmetric.
    """

    wins: Floats
    ties: Floats
    both_bad: Floats

    @cached_property
    def drawn(self) -> Floats:
        """What counts half a win each way: ties, and judgments that both are bad."""
        return self.ties + self.both_bad

    @cached_property
    def half_wins(self) -> Floats:
        return self.wins + 0.5 * self.drawn

    @cached_property
    def meetings(self) -> Floats:
        return self.wins + self.wins.T + self.drawn


def check_counts(counts: Floats) -> None:
    """Raise `ImpossibleData` unless `counts[i, j]` can be how often i beat j."""
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ImpossibleData(f"counts of shape {counts.shape}; expected a square")
    # A sum with a NaN or an infinity in it is not finite.
    if not np.isfinite(counts.sum()) or counts.min(initial=0.0) < 0:
        raise ImpossibleData("counts must be finite and not negative")
    if np.diagonal(counts).any():
        raise ImpossibleData("a system was compared with itself")


def tally(numbers: Ints, weights: Ints | Floats, size: int) -> Floats:
    """Return [size]: the weights of each number added up."""
    return np.bincount(numbers, weights, size).astype(np.float64, copy=False)


def aggregate(a: NDArray[Any], b: NDArray[Any], outcome: NDArray[Any], systems: int) -> Counts:
    """Count judgments given one by one: `a[n]`, `b[n]` are systems, `outcome[n]` a constant above.

    Reads each array once, in pieces that stay in the cache. Raises `ImpossibleData` for a
    number that is no system or outcome.
    """
    size = systems * systems * OUTCOMES
    total = np.zeros(size, dtype=np.int64)
    chunk = max(_CHUNK, 4 * size)
    for start in range(0, len(a), chunk):
        piece = slice(start, start + chunk)
        key = a[piece].astype(np.int32)
        key *= systems
        key += b[piece]
        key *= OUTCOMES
        key += outcome[piece]
        total += _tallied(key, size)
    return _counts(total.reshape(systems, systems, OUTCOMES).astype(float))


def _tallied(key: NDArray[np.int32], size: int) -> Ints:
    try:
        found = np.bincount(key, minlength=size)
    except ValueError:
        raise ImpossibleData("a negative number of a system or outcome") from None
    if len(found) > size:
        raise ImpossibleData("a number of a system or outcome that does not exist")
    return found


def _counts(table: Floats) -> Counts:
    """Fold `table[a, b, outcome]`, where a pair may stand in either order."""
    ties, bad = table[:, :, TIE], table[:, :, BOTH_BAD]
    return Counts(
        wins=table[:, :, A_WINS] + table[:, :, B_WINS].T, ties=ties + ties.T, both_bad=bad + bad.T
    )


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """Parallel arrays, one entry a cell: `count` judgments of `rater` on `prompt`, a against b.

    Systems, raters and prompts are numbered from 0; `left` and `outcome` are constants above.
    """

    systems: int
    raters: int
    prompts: int
    rater: Ints
    prompt: Ints
    a: Ints
    b: Ints
    left: Ints
    outcome: Ints
    #: Whole numbers, or how much the cell's judgments weigh together.
    count: Ints | Floats
    #: What one judgment of the cell weighs; None: all the same.
    weight: Floats | None = None

    @cached_property
    def table(self) -> Floats:
        """Return [a, b, left, outcome]: how often that happened."""
        key = ((self.a * self.systems + self.b) * 3 + self.left) * OUTCOMES + self.outcome
        size = self.systems**2 * 3 * OUTCOMES
        return tally(key, self.count, size).reshape(self.systems, self.systems, 3, OUTCOMES)

    @cached_property
    def counts(self) -> Counts:
        return _counts(self.table.sum(axis=2))

    @property
    def total(self) -> int:
        return int(self.count.sum())

    def of_nobody(self) -> Comparisons:
        """Return one cell for all that differ by rater or prompt only: enough for an estimate."""
        a, b, left, outcome = np.nonzero(self.table)
        nobody = np.zeros(len(a), dtype=np.int64)
        return Comparisons(
            systems=self.systems,
            raters=1,
            prompts=1,
            rater=nobody,
            prompt=nobody,
            a=a,
            b=b,
            left=left,
            outcome=outcome,
            count=self.table[a, b, left, outcome],
        )

    def weighted(self, weight: Floats) -> Comparisons:
        """Let each judgment of cell i weigh `weight[i]`."""
        return replace(self, count=self.count * weight, weight=weight)

    @property
    def squared(self) -> Comparisons:
        """Return the same with every judgment's weight squared, as variances add up."""
        if self.weight is None:
            return self
        return replace(self, count=self.count * self.weight)

    def only(self, kept: NDArray[np.bool_]) -> Comparisons:
        """Keep some of the cells; the numbering stays."""
        if kept.all():
            return self
        return Comparisons(
            systems=self.systems,
            raters=self.raters,
            prompts=self.prompts,
            rater=self.rater[kept],
            prompt=self.prompt[kept],
            a=self.a[kept],
            b=self.b[kept],
            left=self.left[kept],
            outcome=self.outcome[kept],
            count=self.count[kept],
            weight=None if self.weight is None else self.weight[kept],
        )

    def restricted_to(self, systems: Ints) -> Comparisons:
        """Keep the cells between these systems; number them, their raters and prompts anew."""
        number = np.full(self.systems, -1)
        number[systems] = np.arange(len(systems))
        part = self.only((number[self.a] >= 0) & (number[self.b] >= 0))
        rater, raters = renumbered(part.rater, self.raters)
        prompt, prompts = renumbered(part.prompt, self.prompts)
        return Comparisons(
            systems=len(systems),
            raters=raters,
            prompts=prompts,
            rater=rater,
            prompt=prompt,
            a=number[part.a],
            b=number[part.b],
            left=part.left,
            outcome=part.outcome,
            count=part.count,
            weight=part.weight,
        )


def renumbered(numbers: Ints, limit: int) -> tuple[Ints, int]:
    """Number those of 0..limit-1 that occur from 0, in order; return also how many there are."""
    occurs = np.zeros(limit, dtype=bool)
    occurs[numbers] = True
    return (np.cumsum(occurs) - 1)[numbers], int(occurs.sum())


def present(numbers: Ints, limit: int) -> Ints:
    """Return those of 0..limit-1 that occur, ascending: entry i is what `renumbered` calls i."""
    occurs = np.zeros(limit, dtype=bool)
    occurs[numbers] = True
    return np.flatnonzero(occurs)
