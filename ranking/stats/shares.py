"""Proportions with intervals: of independent trials, and of judgments that hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from ranking.stats.counts import Floats


@dataclass(frozen=True, kw_only=True)
class Share:
    """A proportion with its interval."""

    value: float
    low: float
    high: float


def wilson(successes: float, trials: float, *, level: float = 0.95) -> Share | None:
    """Return a proportion with its score interval (Wilson, 1927); None without trials."""
    if trials == 0:
        return None
    z = float(norm.ppf((1 + level) / 2))
    p, n = successes / trials, trials
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Share(value=p, low=float(centre - half), high=float(centre + half))


def clustered_share(successes: Floats, trials: Floats, *, level: float = 0.95) -> Share | None:
    """Return the share of all trials, from `successes` and `trials` [raters].

    A t interval on the logit scale from the variance between raters. Where nothing varies between
    them (all or none) it is Wilson's with the raters as trials. None without trials; with one
    rater the interval is everything.
    """
    given = trials > 0
    raters = int(given.sum())
    if raters == 0:
        return None
    value = float(successes.sum() / trials.sum())
    if raters == 1:
        return Share(value=value, low=0.0, high=1.0)
    residuals = successes - value * trials
    variance = raters / (raters - 1) * float((residuals**2).sum()) / float(trials.sum()) ** 2
    if value in (0.0, 1.0) or variance <= 0:
        return wilson(value * raters, raters, level=level)
    half = student.ppf((1 + level) / 2, raters - 1) * np.sqrt(variance) / (value * (1 - value))
    low, high = expit(logit(value) - half), expit(logit(value) + half)
    return Share(value=value, low=float(low), high=float(high))
