"""How well each rater tells systems apart as the others do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ranking.stats.counts import WORTH, Comparisons, Floats, Ints, tally
from ranking.stats.fits import Fit
from ranking.stats.sandwich import Sandwich

#: Normal prior on a rater's discrimination: as everybody, give or take.
PRIOR_MEAN = 1.0
PRIOR_SD = 1.0
_STEPS = 12
_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Discrimination:
    """[raters] each: 1 judges as the others do, 0 at random, below 0 against them."""

    value: Floats
    low: Floats
    high: Floats

    @property
    def is_reversed(self) -> NDArray[np.bool_]:
        """The whole interval is below zero: left and right mixed up, or worse."""
        return self.high < 0


def discriminations(
    fit: Fit, cov: Sandwich, comparisons: Comparisons, *, level: float = 0.95
) -> Discrimination:
    """Estimate each rater's factor on the log-odds of everybody else (Chen et al., 2013).

    The strengths are those without the rater, by one step. A normal prior of mean 1 and standard
    deviation 1 holds raters with few judgments; the interval is from the curvature.
    """
    raters = comparisons.raters
    others = fit.strengths - cov.influence[:, : fit.systems]
    rater, a, b, count, won = _by_pair(comparisons)
    difference = others[rater, a] - others[rater, b]
    pull = tally(rater, won * difference, raters)
    weighted = count * difference
    value = np.full(raters, PRIOR_MEAN)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-value[rater] * difference))
        slope = pull - tally(rater, weighted * p, raters)
        slope -= (value - PRIOR_MEAN) / PRIOR_SD**2
        curvature = tally(rater, weighted * difference * p * (1 - p), raters)
        curvature += PRIOR_SD**-2
        step = np.clip(slope / curvature, -1, 1)
        value = value + step
        if np.abs(step).max(initial=0.0) < _TOLERANCE:
            break
    half = norm.ppf((1 + level) / 2) / np.sqrt(curvature)
    return Discrimination(value=value, low=value - half, high=value + half)


def _by_pair(c: Comparisons) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Return rater, a, b, judgments and wins of a, all of a pair together where that is quick."""
    won = WORTH[c.outcome] * c.count
    size = c.raters * c.systems**2
    if size > 4 * len(c.count):
        return c.rater, c.a, c.b, c.count.astype(float), won
    key = (c.rater * c.systems + c.a) * c.systems + c.b
    judged = tally(key, c.count, size)
    met = np.flatnonzero(judged)
    rater, pair = np.divmod(met, c.systems**2)
    return rater, *np.divmod(pair, c.systems), judged[met], tally(key, won, size)[met]
