"""Intervals for win rates and strengths: t, and the wild score bootstrap for few raters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ranking.stats.counts import Floats
from ranking.stats.fits import Fit
from ranking.stats.sandwich import Sandwich

#: Below so many raters a t quantile is not trusted.
FEW_RATERS = 15
WILD_DRAWS = 4000
#: Webb (2013): six points, so that few raters still give many different draws.
_WEBB = np.sqrt([0.5, 1.0, 1.5])
WEBB = np.concatenate([-_WEBB, _WEBB])


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Ends for each contrast, [k] each, and the standard errors."""

    low: Floats
    high: Floats
    error: Floats


def contrast_intervals(
    values: Floats, contrasts: Floats, cov: Sandwich, *, level: float, rng: np.random.Generator
) -> Intervals:
    """Return intervals for `values` [k] whose gradients by the parameters are `contrasts`."""
    error = np.sqrt(cov.variance(contrasts))
    reach = np.full(len(values), cov.quantile(level))
    if cov.raters < FEW_RATERS:
        reach = np.maximum(reach, wild_quantiles(contrasts @ cov.influence.T, level=level, rng=rng))
    return Intervals(low=values - reach * error, high=values + reach * error, error=error)


def win_rate_intervals(
    fit: Fit, cov: Sandwich, *, level: float, rng: np.random.Generator
) -> Intervals:
    """Return intervals for the win rates, on the logit scale so that they stay in 0 to 1.

    `error` is that of the win rate itself.
    """
    rates = np.clip(fit.win_rates, 1e-12, 1 - 1e-12)
    scale = rates * (1 - rates)
    gradient = fit.win_rate_gradient
    found = contrast_intervals(logit(rates), gradient / scale[:, None], cov, level=level, rng=rng)
    return Intervals(low=expit(found.low), high=expit(found.high), error=found.error * scale)


def wild_quantiles(parts: Floats, *, level: float, rng: np.random.Generator) -> Floats:
    """Return quantiles of |t| for each row of `parts` [k, raters], what each rater adds.

    Each rater's part is multiplied by a random weight of mean 0 and variance 1, and the sum is
    divided by its own standard error: the score bootstrap of Kline and Santos (2012) with the
    weights of Webb.
    """
    weights = wild_weights(parts.shape[1], rng)
    return np.asarray(np.quantile(wild_ratios(parts, weights), level, axis=0))


def wild_largest(
    cov: Sandwich,
    systems: int,
    *,
    level: float,
    rng: np.random.Generator,
    pairs: NDArray[np.bool_] | None = None,
) -> float:
    """Return the quantile of the largest |t| over the differences of pairs [i, j], or of all."""
    weights = wild_weights(len(cov.influence), rng)
    chosen = np.ones((systems, systems), dtype=bool) if pairs is None else pairs
    largest = np.zeros(WILD_DRAWS)
    for first in range(systems - 1):
        others = first + 1 + np.flatnonzero(chosen[first, first + 1 :])
        if len(others):
            parts = cov.influence[:, [first]] - cov.influence[:, others]
            np.maximum(largest, wild_ratios(parts.T, weights).max(axis=1), out=largest)
    return float(np.quantile(largest, level))


def wild_weights(raters: int, rng: np.random.Generator) -> Floats:
    """Return random weights of mean 0 and variance 1, [draws, raters]."""
    return rng.choice(WEBB, size=(WILD_DRAWS, raters))


def wild_ratios(parts: Floats, weights: Floats) -> Floats:
    """Return |sum| / standard error of the weighted parts, [draws, k]."""
    raters = parts.shape[1]
    sums = weights @ parts.T
    squares = weights**2 @ (parts**2).T - sums**2 / raters
    error = np.sqrt(np.maximum(squares * raters / (raters - 1), 1e-300))
    return np.asarray(np.abs(sums) / error)
