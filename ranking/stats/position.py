"""Do raters favour a side?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True, kw_only=True)
class Share:
    """A proportion with its interval."""

    value: float
    low: float
    high: float


def wilson(successes: int, trials: int, *, level: float = 0.95) -> Share | None:
    """Return a proportion with its score interval (Wilson, 1927); None without trials."""
    if trials == 0:
        return None
    z = float(norm.ppf((1 + level) / 2))
    p, n = successes / trials, trials
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Share(value=p, low=float(centre - half), high=float(centre + half))
