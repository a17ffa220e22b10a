"""Scores of single outputs, as counts of distinct cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.stats.counts import Floats, Ints, tally
from ranking.stats.exceptions import ImpossibleData

#: Scores are whole numbers from 1 to this.
SCORES = 5


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """Parallel arrays, one entry a cell: `count` judgments of `rater` gave `system` `score`.

    Prompts, systems and raters are numbered from 0. Raises `ImpossibleData` for a score that is
    no whole number from 1 to 5, NaN among them, and for a count that is not positive.
    """

    systems: int
    raters: int
    prompts: int
    rater: Ints
    prompt: Ints
    system: Ints
    score: Ints
    count: Ints

    def __post_init__(self) -> None:
        scores: NDArray[Any] = np.asarray(self.score)
        if not ((scores >= 1) & (scores <= SCORES)).all() or (scores != np.floor(scores)).any():
            raise ImpossibleData(f"a score is not one of 1 to {SCORES}")
        if not (np.asarray(self.count) > 0).all():
            raise ImpossibleData("a count of judgments is not positive")

    @property
    def total(self) -> int:
        return int(self.count.sum())

    def distribution(self) -> Ints:
        """Return [system, score - 1]: how often each score was given."""
        key = self.system * SCORES + self.score.astype(np.int64) - 1
        table = tally(key, self.count, self.systems * SCORES)
        return table.astype(np.int64).reshape(self.systems, SCORES)

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
