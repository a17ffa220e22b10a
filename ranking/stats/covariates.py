"""Win rates at equal circumstances: position, length, style (Dubois et al., 2024; Li et al., 2024).

The log-odds of a judgment get a term for what differs between the two outputs besides the system;
the adjusted win rate is the prediction where nothing else differs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ranking.stats.bradley_terry import GRADIENT_TOLERANCE, fit_bradley_terry
from ranking.stats.counts import SIDE, WORTH, Comparisons, Floats, Ints, tally
from ranking.stats.exceptions import NotConverged, NotEnoughData
from ranking.stats.fits import Fit

_STEPS = 60
#: A condition number from which on two columns are the same one.
_SINGULAR = 1e12


@dataclass(frozen=True, kw_only=True)
class CovariateFit(Fit):
    """A Bradley-Terry fit with covariates; its parameters are strengths, then coefficients.

    `expected` and the win rates are those at zero difference of all covariates.
    """

    coefficients: Floats
    #: [cells, covariates]: what was given for the cells that were fitted.
    covariates: Floats

    def residuals(self, comparisons: Comparisons) -> Floats:
        difference = self.strengths[comparisons.a] - self.strengths[comparisons.b]
        expected = expit(difference + self.covariates @ self.coefficients)
        return np.asarray((WORTH[comparisons.outcome] - expected) * comparisons.count)

    def scores(self, comparisons: Comparisons, cluster: Ints, clusters: int) -> Floats:
        size = self.parameters
        residual = self.residuals(comparisons)
        total = tally(cluster * size + comparisons.a, residual, clusters * size)
        total -= tally(cluster * size + comparisons.b, residual, clusters * size)
        scores = total.reshape(clusters, size)
        for k, column in enumerate(self.covariates.T):
            scores[:, self.systems + k] = tally(cluster, residual * column, clusters)
        return scores

    def outer_scores(self, comparisons: Comparisons) -> Floats:
        residual = self.residuals(comparisons)
        weight = residual**2 / np.maximum(comparisons.count, 1)
        return _information(comparisons, self.covariates, weight)


def fit_with_covariates(comparisons: Comparisons, covariates: Floats) -> CovariateFit:
    """Fit `covariates` [cells, k], each what a has more than b. A tie counts half.

    No ridge: what the data cannot tell apart raises `NotEnoughData`. Raises as
    `fit_bradley_terry` does, and `NotEnoughData` where systems are separated.
    """
    start = fit_bradley_terry(comparisons.counts.half_wins)
    if start.is_separated:
        raise NotEnoughData("some systems never lost: there is nothing to adjust")
    theta = np.append(start.strengths, np.zeros(covariates.shape[1]))
    size = start.systems
    tolerance = max(GRADIENT_TOLERANCE, 1e-13 * float(comparisons.count.sum()))
    for step in range(_STEPS):
        gradient, information = _derivatives(comparisons, covariates, theta, size)
        norm = float(np.linalg.norm(gradient))
        filled = _filled(information, size)
        if np.linalg.cond(filled) > _SINGULAR:
            raise NotEnoughData("a covariate does not vary, or goes with the systems")
        if norm < tolerance:
            return _fit(theta, size, covariates, information, norm, step)
        change = np.linalg.solve(filled, gradient)
        theta = theta + change * min(1.0, 2.0 / max(float(np.abs(change).max()), 1e-300))
        theta[:size] -= theta[:size].mean()
    raise NotConverged(f"the gradient's norm is {norm:.1e} after {_STEPS} steps")


def _derivatives(
    c: Comparisons, covariates: Floats, theta: Floats, size: int
) -> tuple[Floats, Floats]:
    p = expit(theta[c.a] - theta[c.b] + covariates @ theta[size:])
    residual = (WORTH[c.outcome] - p) * c.count
    gradient = tally(c.a, residual, size) - tally(c.b, residual, size)
    information = _information(c, covariates, p * (1 - p) * c.count)
    return np.append(gradient, covariates.T @ residual), information


def _information(c: Comparisons, covariates: Floats, weight: Floats) -> Floats:
    """Return the sum of weight times the outer product of each cell's row of the design."""
    size, extra = c.systems, covariates.shape[1]
    pairs = tally(c.a * size + c.b, weight, size * size).reshape(size, size)
    pairs = pairs + pairs.T
    total = np.zeros((size + extra, size + extra))
    total[:size, :size] = np.diag(pairs.sum(axis=1)) - pairs
    weighted = covariates * weight[:, None]
    for k, column in enumerate(weighted.T):
        mixed = tally(c.a, column, size) - tally(c.b, column, size)
        total[:size, size + k] = total[size + k, :size] = mixed
    total[size:, size:] = covariates.T @ weighted
    return total


def _filled(information: Floats, size: int) -> Floats:
    """Fill in the direction in which all strengths move together."""
    filled = information.copy()
    filled[:size, :size] += np.trace(information[:size, :size]) / size**2
    return filled


def _fit(
    theta: Floats, size: int, covariates: Floats, information: Floats, norm: float, steps: int
) -> CovariateFit:
    strengths = theta[:size]
    expected = expit(strengths[:, None] - strengths[None, :])
    return CovariateFit(
        strengths=strengths,
        expected=expected,
        slope=expected * (1 - expected),
        information=information,
        gradient_norm=norm,
        steps=steps,
        coefficients=theta[size:],
        covariates=covariates,
    )


def left_right(comparisons: Comparisons) -> Floats:
    """Return the position covariate [cells, 1]: 1 where a stood left, -1 where b did."""
    return SIDE[comparisons.left][:, None]


def standardised(differences: Floats, count: Ints | Floats) -> Floats:
    """Scale each column [cells, k] to a standard deviation of one; zero stays zero."""
    weight = np.asarray(count, dtype=float)
    spread = np.sqrt(weight @ differences**2 / weight.sum())
    return np.asarray(differences / np.where(spread > 0, spread, 1.0))
