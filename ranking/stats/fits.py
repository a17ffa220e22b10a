"""What every fitted model of comparisons can say, whichever way it treats ties."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ranking.stats.counts import BOTH_BAD, OUTCOMES, TIE, WORTH, Comparisons, Floats, Ints, tally


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A model at its maximum. Its parameters are the strengths, then the tie parameter if any.

    `expected[i, j]` is the share of a meeting that i is expected to win from j, a tie counting
    half; `slope` its derivative by the difference of strengths. `information` is that of the data,
    [parameters, parameters].
    """

    strengths: Floats
    expected: Floats
    slope: Floats
    information: Floats
    gradient_norm: float
    steps: int
    #: Precision of the normal prior on each strength; zero for a maximum of the likelihood.
    prior_precision: float = 0.0
    #: Davidson's: the logarithm of nu, the chance of a tie [i, j], and d expected / d log nu.
    log_tie: float | None = None
    tie_chance: Floats | None = None
    tie_slope: Floats | None = None

    @property
    def systems(self) -> int:
        return len(self.strengths)

    @property
    def parameters(self) -> int:
        return len(self.information)

    @cached_property
    def bread(self) -> Floats:
        """Return the inverse of the information and prior, on strengths that sum to zero."""
        held = self.information.copy()
        held[np.diag_indices(self.systems)] += self.prior_precision
        return centred_inverse(held, self.systems)

    @property
    def is_separated(self) -> bool:
        """True: no finite maximum exists, so a prior holds the strengths."""
        return self.prior_precision > 0

    @cached_property
    def win_rates(self) -> Floats:
        return mean_over_others(self.expected)

    @cached_property
    def win_rate_gradient(self) -> Floats:
        """Return d win rate [systems] by the parameters, [systems, parameters]."""
        others = max(1, self.systems - 1)
        gradient = np.zeros((self.systems, self.parameters))
        slope = _off_diagonal(self.slope)
        gradient[:, : self.systems] = np.diag(slope.sum(axis=1)) - slope
        if self.tie_slope is not None:
            gradient[:, self.systems] = _off_diagonal(self.tie_slope).sum(axis=1)
        return gradient / others

    def residuals(self, comparisons: Comparisons) -> Floats:
        """Return, for each cell, its judgments' wins of a beyond what was expected."""
        expected = self.expected[comparisons.a, comparisons.b]
        return np.asarray((WORTH[comparisons.outcome] - expected) * comparisons.count)

    def scores(self, comparisons: Comparisons, cluster: Ints, clusters: int) -> Floats:
        """Return the gradient of each cluster's log likelihood, [clusters, parameters].

        `cluster[cell]` is the cell's rater, say. Over all clusters the scores sum to zero.
        """
        size = self.parameters
        residual = self.residuals(comparisons)
        total = tally(cluster * size + comparisons.a, residual, clusters * size)
        total -= tally(cluster * size + comparisons.b, residual, clusters * size)
        scores = total.reshape(clusters, size)
        if self.tie_chance is not None:
            tied = (comparisons.outcome == TIE) | (comparisons.outcome == BOTH_BAD)
            beyond = (tied - self.tie_chance[comparisons.a, comparisons.b]) * comparisons.count
            scores[:, self.systems] = tally(cluster, beyond, clusters)
        return scores

    def outer_scores(self, comparisons: Comparisons) -> Floats:
        """Return the sum over single judgments of the score's outer product, from the counts."""
        pairs = comparisons.table.sum(axis=2)
        total = np.zeros((self.parameters, self.parameters))
        for outcome in range(OUTCOMES):
            total += self._outer_scores(pairs[:, :, outcome], outcome)
        return total

    def _outer_scores(self, count: Floats, outcome: int) -> Floats:
        systems = self.systems
        residual = WORTH[outcome] - self.expected
        square = count * residual**2
        square = square + square.T
        total = np.zeros((self.parameters, self.parameters))
        total[:systems, :systems] = np.diag(square.sum(axis=1)) - square
        if self.tie_chance is not None:
            tie = float(outcome in (TIE, BOTH_BAD)) - self.tie_chance
            mixed = count * residual * tie
            total[:systems, systems] = mixed.sum(axis=1) - mixed.sum(axis=0)
            total[systems, :systems] = total[:systems, systems]
            total[systems, systems] = (count * tie**2).sum()
        return total


def mean_over_others(shares: Floats) -> Floats:
    """Return the mean of each row, the system itself left out; 0.5 for a system alone."""
    if len(shares) == 1:
        return np.array([0.5])
    return np.asarray(_off_diagonal(shares).sum(axis=1) / (len(shares) - 1))


def _off_diagonal(matrix: Floats) -> Floats:
    return matrix * (1 - np.eye(len(matrix)))


def centred_inverse(information: Floats, systems: int) -> Floats:
    """Invert an information whose first `systems` parameters are known up to a constant.

    Returns the inverse on the space where these sum to zero. No ridge is added: the missing
    direction is filled in before, and projected out after.
    """
    size = len(information)
    filled = information.copy()
    scale = max(float(np.trace(information[:systems, :systems])) / systems, 1e-300)
    filled[:systems, :systems] += scale / systems
    projection = np.eye(size)
    projection[:systems, :systems] -= 1 / systems
    return np.asarray(projection @ np.linalg.inv(filled) @ projection)
