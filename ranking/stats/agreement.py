"""Krippendorff's alpha in closed form, with a bootstrap over tasks (Krippendorff, 2019)."""

from __future__ import annotations

import numpy as np

from ranking.stats.counts import Floats
from ranking.stats.shares import Share

RESAMPLES = 1000
#: Above so many drawn numbers, fewer resamples are taken.
_DRAWS = 20_000_000


def nominal(values: Floats) -> Floats:
    """Return [v, w]: 0 for equal values, else 1."""
    return np.asarray((values[:, None] != values[None, :]).astype(float))


def interval_metric(values: Floats) -> Floats:
    """Return [v, w]: the squared difference."""
    return np.asarray((values[:, None] - values[None, :]) ** 2)


def krippendorff_alpha(
    counts: Floats, distance: Floats, *, rng: np.random.Generator | None = None, level: float = 0.95
) -> Share | None:
    """Return alpha for `counts[task, value]`, how often each value was given to a task.

    `distance[v, w]` is how far two values are apart. Tasks with one judgment say nothing and are
    left out. None when no task has two judgments, or all judgments are the same. Without `rng`
    the interval is the value itself.
    """
    counts = counts[counts.sum(axis=1) >= 2].astype(float)
    if len(counts) == 0:
        return None
    observed = _disagreement(counts, distance)
    alpha = _alpha(observed.sum(), counts.sum(axis=0), distance)
    if alpha is None:
        return None
    if rng is None or len(counts) < 2:
        return Share(value=alpha, low=alpha, high=alpha)
    draws = []
    for _ in range(min(RESAMPLES, max(100, _DRAWS // len(counts)))):
        chosen = rng.integers(0, len(counts), len(counts))
        drawn = _alpha(observed[chosen].sum(), counts[chosen].sum(axis=0), distance)
        draws.append(1.0 if drawn is None else drawn)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Share(value=alpha, low=float(low), high=float(high))


def _disagreement(counts: Floats, distance: Floats) -> Floats:
    """Return each task's distances over its pairs of judgments, by its judgments minus one."""
    pairs = np.einsum("tv,vw,tw->t", counts, distance, counts)
    return np.asarray(pairs / (counts.sum(axis=1) - 1))


def _alpha(observed: float, totals: Floats, distance: Floats) -> float | None:
    n = totals.sum()
    expected = totals @ distance @ totals / (n - 1)
    return None if expected == 0 else float(1 - observed / expected)
