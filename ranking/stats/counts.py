"""Pairwise judgments as counts of distinct cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

A_WINS, B_WINS, TIE, BOTH_BAD = range(4)


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """Parallel arrays, one entry a cell: `count` judgments of `rater` on systems `a` and `b`.

    Systems and raters are numbered from 0; `outcome` is one of the constants above.
    """

    systems: int
    raters: int
    rater: Ints
    a: Ints
    b: Ints
    outcome: Ints
    count: Ints

    def outcomes(self, outcome: int) -> Floats:
        """Return [i, j]: how often i as a met j as b with this outcome."""
        chosen = self.outcome == outcome
        table = np.zeros((self.systems, self.systems))
        np.add.at(table, (self.a[chosen], self.b[chosen]), self.count[chosen])
        return table

    def wins(self) -> Floats:
        """Return [i, j]: how often i was preferred to j."""
        return self.outcomes(A_WINS) + self.outcomes(B_WINS).T

    def ties(self) -> Floats:
        """Return [i, j], symmetric: how often i and j tied, both-bad left out."""
        ties = self.outcomes(TIE)
        return ties + ties.T

    def both_bad(self) -> Floats:
        """Return [i, j], symmetric: how often both were bad."""
        bad = self.outcomes(BOTH_BAD)
        return bad + bad.T

    def half_wins(self) -> Floats:
        """Return [i, j]: wins of i over j, a tie and a both-bad counting half a win each way."""
        return self.wins() + 0.5 * (self.ties() + self.both_bad())

    def restricted_to(self, systems: Ints) -> Comparisons:
        """Keep the cells between these systems, renumbered in their order."""
        number = np.full(self.systems, -1)
        number[systems] = np.arange(len(systems))
        kept = (number[self.a] >= 0) & (number[self.b] >= 0)
        return Comparisons(
            systems=len(systems),
            raters=self.raters,
            rater=self.rater[kept],
            a=number[self.a[kept]],
            b=number[self.b[kept]],
            outcome=self.outcome[kept],
            count=self.count[kept],
        )
