"""Ranks with ranges from simultaneous intervals of all differences (Mogstad et al., 2024)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.stats.counts import Floats, Ints

DRAWS = 4000
#: Values closer than that are equal.
_EQUAL = 1e-12
#: Takes which pairs [i, j] are in question; returns how many standard errors set one apart.
Bound = Callable[[NDArray[np.bool_]], float]


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Rank and rank range [systems], 1 the best; systems with equal values share a rank."""

    rank: Ints
    low: Ints
    high: Ints
    #: How often each system comes out best when the values are drawn anew; None without errors.
    best: Floats | None
    #: [i, j]: their difference is beyond doubt at the level.
    apart: NDArray[np.bool_]


def places(values: Floats) -> Ints:
    """Return each system's rank, for values [..., systems]."""
    above = values[..., None, :] > values[..., :, None] + _EQUAL
    return np.asarray(1 + above.sum(axis=-1))


def same_order(values: Floats, others: Floats) -> bool:
    """Return whether no two systems [systems] change places between the two."""
    first, second = (v[:, None] - v[None, :] for v in (values, others))
    return not bool(((first > _EQUAL) & (second < -_EQUAL)).any())


def unknown_ranks(values: Floats) -> Ranks:
    """Return ranks where nothing is known of the errors: every order is possible."""
    count = len(values)
    return Ranks(
        rank=places(values),
        low=np.ones(count, dtype=np.int64),
        high=np.full(count, count, dtype=np.int64),
        best=None,
        apart=np.zeros((count, count), dtype=bool),
    )


def rank(
    values: Floats,
    covariance: Floats,
    errors: Floats,
    *,
    degrees: int,
    rng: np.random.Generator,
    level: float = 0.95,
    at_least: float | Bound = 0.0,
    steps: int = 1,
) -> Ranks:
    """Rank `values` [systems] with their covariance [systems, systems].

    `errors[i, j]` is the standard error of the difference of i and j. j stands surely before i
    when their difference exceeds the simultaneous bound: the `level` quantile of the largest |t|
    over all pairs, under a multivariate t with `degrees` degrees of freedom, or `at_least`. With
    more `steps` the bound is sought again among the pairs that are not apart yet, which keeps the
    level over all pairs (Romano and Wolf, 2005).
    """
    count = len(values)
    if count == 1:
        return unknown_ranks(values)
    draws = _draws(covariance, degrees, rng)
    lead = values[None, :] - values[:, None]
    apart = np.zeros((count, count), dtype=bool)
    for _ in range(steps):
        within = float(np.quantile(_largest(draws, np.where(apart, np.inf, errors)), level))
        bound = max(within, at_least(~apart) if callable(at_least) else at_least)
        before = apart
        apart = np.abs(lead) > bound * np.maximum(errors, _EQUAL)
        if (apart == before).all() or (apart | np.eye(count, dtype=bool)).all():
            break
    surely_before = apart & (lead > 0)
    drawn = values + draws
    leads = drawn >= drawn.max(axis=1, keepdims=True) - _EQUAL
    return Ranks(
        rank=places(values),
        low=1 + surely_before.sum(axis=1),
        high=count - surely_before.sum(axis=0),
        # Who shares the first place shares the draw.
        best=(leads / leads.sum(axis=1, keepdims=True)).mean(axis=0),
        apart=apart,
    )


def _draws(covariance: Floats, degrees: int, rng: np.random.Generator) -> Floats:
    """Return multivariate t deviations, [draws, systems]."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    normal = rng.standard_normal((DRAWS, len(covariance))) @ root.T
    return np.asarray(normal / np.sqrt(rng.chisquare(degrees, DRAWS) / degrees)[:, None])


def _largest(draws: Floats, errors: Floats) -> Floats:
    """Return the largest |difference| / error of each draw; single precision is plenty."""
    by_system = np.ascontiguousarray(draws.T, dtype=np.float32)
    precision = (1 / np.maximum(errors, _EQUAL)).astype(np.float32)
    largest = np.zeros(len(draws), dtype=np.float32)
    for i in range(len(by_system) - 1):
        difference = by_system[i + 1 :] - by_system[i]
        np.abs(difference, out=difference)
        difference *= precision[i, i + 1 :, None]
        np.maximum(largest, difference.max(axis=0), out=largest)
    return largest.astype(float)
