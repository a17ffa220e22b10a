"""Scores of outputs on a scale, as counts of distinct cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.stats.counts import Floats, Ints, tally
from ranking.stats.exceptions import ImpossibleData


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Scores from `low` to `high`: whole numbers, unless `is_whole` says otherwise."""

    low: int = 1
    high: int = 5
    is_whole: bool = True

    @property
    def points(self) -> int:
        return self.high - self.low + 1


#: Absolute category rating, ITU-T P.800 (1996).
ACR = Scale()
SCORES = ACR.high


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """Parallel arrays, one entry a cell: `count` judgments of `rater` gave `system` `score`.

    Prompts, systems and raters are numbered from 0. Raises `ImpossibleData` for a score that is
    not on the scale, NaN among them, and for a count that is not positive.
    """

    systems: int
    raters: int
    prompts: int
    rater: Ints
    prompt: Ints
    system: Ints
    score: Ints | Floats
    count: Ints
    scale: Scale = ACR

    def __post_init__(self) -> None:
        scores: NDArray[Any] = np.asarray(self.score)
        low, high = self.scale.low, self.scale.high
        is_within = bool(((scores >= low) & (scores <= high)).all())
        if not is_within or (self.scale.is_whole and (scores != np.floor(scores)).any()):
            raise ImpossibleData(f"a score is not one of {low} to {high}")
        if not (np.asarray(self.count) > 0).all():
            raise ImpossibleData("a count of judgments is not positive")

    @property
    def total(self) -> int:
        return int(self.count.sum())

    def distribution(self) -> Ints:
        """Return [system, score - lowest]: how often each score was given, of whole ones."""
        points = self.scale.points
        key = self.system * points + self.score.astype(np.int64) - self.scale.low
        table = tally(key, self.count, self.systems * points)
        return table.astype(np.int64).reshape(self.systems, points)

    @property
    def judgments(self) -> Ints:
        """Return how often each system was judged, [systems]."""
        return tally(self.system, self.count, self.systems).astype(np.int64)

    def summed(self, cluster: Ints, clusters: int, values: Floats | Ints) -> Floats:
        """Return [cluster, system]: the cells' values added up; `cluster` is by cell."""
        size = self.systems
        return tally(cluster * size + self.system, values, clusters * size).reshape(clusters, size)

    def within(self, systems: Ints, prompts: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which cells are of these systems, on prompts [prompts]."""
        chosen = np.zeros(self.systems, dtype=bool)
        chosen[systems] = True
        return np.asarray(chosen[self.system] & prompts[self.prompt])

    def of(self, systems: Ints, prompts: NDArray[np.bool_]) -> Ratings:
        """Keep these systems, numbered anew in ascending order, on prompts [prompts].

        Raters and prompts keep their numbers.
        """
        number = np.full(self.systems, -1)
        number[systems] = np.arange(len(systems))
        kept = self.within(systems, prompts)
        return replace(
            self,
            systems=len(systems),
            rater=self.rater[kept],
            prompt=self.prompt[kept],
            system=number[self.system[kept]],
            score=self.score[kept],
            count=self.count[kept],
        )
