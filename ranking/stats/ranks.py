"""Ranks with ranges from simultaneous intervals of all differences (Mogstad et al., 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.stats.bootstrap import few_raters_factor
from ranking.stats.counts import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Rank and rank range [systems], 1 the best; systems with equal values share a rank."""

    rank: Ints
    low: Ints
    high: Ints


def rank(values: Floats, draws: Floats | None, *, raters: int, level: float = 0.95) -> Ranks:
    """Rank `values` [systems]; `draws` [resamples, systems] are their resampled values.

    j stands surely before i when their difference exceeds the simultaneous bound: the `level`
    quantile of the largest |z| over all pairs, widened for few raters. Without draws every order
    is possible.
    """
    count = len(values)
    places = 1 + (values[None, :] > values[:, None] + 1e-12).sum(axis=1)
    if draws is None or count == 1:
        return Ranks(rank=places, low=np.ones(count, int), high=np.full(count, count))
    surely_before = _surely_before(values, draws, raters, level)
    return Ranks(
        rank=places,
        low=1 + surely_before.sum(axis=1),
        high=count - surely_before.sum(axis=0),
    )


def _surely_before(values: Floats, draws: Floats, raters: int, level: float) -> np.ndarray:
    """Return [i, j]: j is better than i beyond doubt."""
    difference = values[None, :] - values[:, None]
    deviations = draws - values
    spread = np.empty_like(difference)
    largest = np.zeros(len(draws))
    for i in range(len(values)):
        deviation = deviations - deviations[:, [i]]
        spread[i] = deviation.std(axis=0, ddof=1)
        spread[i, i] = np.inf
        known = np.maximum(spread[i], 1e-12)
        np.maximum(largest, (np.abs(deviation) / known).max(axis=1), out=largest)
    bound = float(np.quantile(largest, level)) * few_raters_factor(raters, level=level)
    return np.asarray(difference > bound * spread)
