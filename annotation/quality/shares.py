"""What a measure says of each group, and intervals for shares: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from annotation.quality.columns import Floats, Ints

LEVEL = 0.95
Z = float(ndtri((1 + LEVEL) / 2))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measure of each unit, [units]: NaN where there is nothing to measure.

    `count` is how many judgments (or pairs of them) the value rests on. `low` and `high` are the
    ends of the 95 % interval, None where the measure has none.
    """

    value: Floats
    count: Ints
    low: Floats | None = None
    high: Floats | None = None


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return part by whole, NaN where the whole is 0."""
    known = whole > 0
    return np.where(known, part / np.where(known, whole, 1), np.nan)


def wilson(successes: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """Return the ends of score intervals (Wilson, 1927); 0 and 1 without trials."""
    n = np.maximum(trials, 1)
    p = successes / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    known = trials > 0
    return (
        np.where(known, np.clip(centre - half, 0, 1), 0.0),
        np.where(known, np.clip(centre + half, 0, 1), 1.0),
    )


def share(successes: Floats, trials: Floats) -> Measured:
    low, high = wilson(successes, trials)
    return Measured(
        value=ratio(successes, trials), count=trials.astype(np.int64), low=low, high=high
    )


def mean_of_shares(parts: list[tuple[Floats, Floats]]) -> Measured:
    """Return the plain mean of shares (successes, trials), NaN where one has no trials.

    The interval puts together the Wilson intervals of the parts (MOVER; Newcombe, 1998, and Zou
    and Donner, 2008).
    """
    weight = 1 / len(parts)
    value, count, down, up = (np.zeros(len(parts[0][0])) for _ in range(4))
    for successes, trials in parts:
        low, high = wilson(successes, trials)
        own = ratio(successes, trials)
        value += weight * own
        count += trials
        down += (weight * (own - low)) ** 2
        up += (weight * (high - own)) ** 2
    return Measured(
        value=value,
        count=count.astype(np.int64),
        low=np.clip(value - np.sqrt(down), 0, 1),
        high=np.clip(value + np.sqrt(up), 0, 1),
    )
