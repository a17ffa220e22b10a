"""The Bayesian bootstrap (Rubin, 1981): a second opinion on the sandwich.

Weights are never zero, so no resample falls apart into groups that the data join.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from ranking.stats.bradley_terry import newton, win_rates
from ranking.stats.counts import WORTH, Comparisons, Counts, Floats, Ints
from ranking.stats.exceptions import NotConverged
from ranking.stats.fits import Fit

RESAMPLES = 1000
#: Resamples that are fitted together: their arrays stay in the cache.
_BLOCK = 64
_TOLERANCE = 1e-8
_MAX_STEPS = 60
#: From so many judgments on, a gamma draw is a cubed normal: mean and variance right to 0.4 %.
_FULL_CELL = 8
#: Above so many products, raters' weights are not carried through full fits.
MAX_WORK = 2e9


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """The pairs that met, in rows of one first system, and what they did."""

    systems: int
    #: For each first system: it, its slice of the pairs, and its second systems.
    rows: list[tuple[int, slice, Ints | slice]]
    #: Wins of the first, ties, wins of the second: [3, pairs].
    cells: Floats


def bootstrap_strengths(
    fit: Fit, counts: Counts, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Floats:
    """Return strengths refitted with one Exp(1) weight a judgment, [resamples, systems].

    A cell of c judgments weighs Gamma(c): one draw a cell, whatever the number of judgments. Only
    for fits without a prior and with half-win ties. Raises `NotConverged`.
    """
    pairs = _pairs(counts)
    weight = counts.meetings * fit.slope
    filled = np.diag(weight.sum(axis=1)) - weight + weight.sum() / fit.systems**2
    factor = cho_factor(filled, lower=True)
    draw = _drawer(pairs.cells)
    sizes = [min(_BLOCK, resamples - start) for start in range(0, resamples, _BLOCK)]
    streams = rng.spawn(len(sizes))

    def block(number: int) -> Floats:
        weights = draw(streams[number], sizes[number])
        return _refit(pairs, weights, fit.strengths, factor)

    with ThreadPoolExecutor(min(len(sizes), os.cpu_count() or 1)) as threads:
        return np.concatenate(list(threads.map(block, range(len(sizes)))))


def _pairs(counts: Counts) -> _Pairs:
    first, second = np.nonzero(np.triu(counts.meetings, 1))
    starts = np.searchsorted(first, np.arange(len(counts.wins) + 1))
    rows = [
        (i, slice(int(low), int(high)), _as_slice(second[low:high]))
        for i, (low, high) in enumerate(pairwise(starts))
        if high > low
    ]
    cells = [counts.wins[first, second], counts.drawn[first, second], counts.wins[second, first]]
    return _Pairs(systems=len(counts.wins), rows=rows, cells=np.array(cells))


def _as_slice(systems: Ints) -> Ints | slice:
    """Return consecutive numbers as a slice: no copies are made of what it picks."""
    low, high = int(systems[0]), int(systems[-1]) + 1
    return slice(low, high) if high - low == len(systems) else systems


def _drawer(cells: Floats) -> Callable[[np.random.Generator, int], Floats]:
    """Return a function that draws Gamma(cell) weights, [3, pairs, size].

    Full cells by Wilson and Hilferty (1931), in single precision, which no resample can tell.
    """
    flat = cells.ravel()
    full = np.flatnonzero(flat >= _FULL_CELL)
    sparse = np.flatnonzero(flat < _FULL_CELL)
    shape = flat[full, None].astype(np.float32)
    centre = 1 - 1 / (9 * shape)
    spread = 1 / (3 * np.sqrt(shape))
    few = flat[sparse, None]

    def draw(rng: np.random.Generator, size: int) -> Floats:
        weights = np.empty((len(flat), size))
        normal: NDArray[np.float32] = rng.standard_normal((len(full), size), dtype=np.float32)
        normal *= spread
        normal += centre
        cube = normal * normal
        cube *= normal
        cube *= shape
        if len(sparse) == 0:
            weights[:] = cube
        else:
            weights[full] = cube
            weights[sparse] = rng.standard_gamma(np.broadcast_to(few, (len(few), size)))
        return weights.reshape(3, -1, size)

    return draw


def _refit(pairs: _Pairs, weights: Floats, start: Floats, factor: tuple[Floats, bool]) -> Floats:
    """Fit each resample from the estimate by chord steps: one factor serves them all.

    A step shrinks the error by about the same ratio each time; the fits are done when the next
    one would be below the tolerance.
    """
    won, meetings = weights[0], weights[2]
    meetings += won
    meetings += weights[1]
    weights[1] *= 0.5
    won += weights[1]
    strengths = np.repeat(start[:, None], won.shape[1], axis=1)
    before = np.inf
    for _ in range(_MAX_STEPS):
        gradient = _gradient(pairs, won, meetings, strengths)
        step = cho_solve(factor, gradient, overwrite_b=True, check_finite=False)
        strengths += step
        largest = float(np.abs(step).max())
        if largest * min(1.0, largest / before) < _TOLERANCE:
            return np.asarray((strengths - strengths.mean(axis=0)).T)
        before = largest
    return _one_by_one(pairs, won, meetings, strengths)


def _gradient(pairs: _Pairs, won: Floats, meetings: Floats, strengths: Floats) -> Floats:
    """Return the gradient of each resample, [systems, resamples]."""
    odds = np.exp(strengths)
    inverse = 1 / odds
    gradient = np.zeros_like(strengths)
    for first, row, second in pairs.rows:
        beyond = odds[second] * inverse[first]
        beyond += 1
        np.divide(meetings[row], beyond, out=beyond)
        np.subtract(won[row], beyond, out=beyond)
        gradient[first] += beyond.sum(axis=0)
        gradient[second] -= beyond
    return gradient


def _one_by_one(pairs: _Pairs, won: Floats, meetings: Floats, strengths: Floats) -> Floats:
    """Fit by full Newton steps what chords did not settle: thin or lopsided counts."""
    found = []
    for k in range(won.shape[1]):
        half_wins = np.zeros((pairs.systems, pairs.systems))
        for first, row, second in pairs.rows:
            half_wins[first, second] = won[row, k]
            half_wins[second, first] = meetings[row, k] - won[row, k]
        found.append(newton(half_wins, strengths[:, k]).strengths)
    return np.array(found)


def rater_bootstrap(
    fit: Fit, comparisons: Comparisons, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Floats | None:
    """Return win rates refitted with one Exp(1) weight a rater, [resamples, systems].

    None where that would be long: many raters times many pairs. The model is Bradley-Terry with
    half-win ties, held by the prior if `fit` is.
    """
    systems = fit.systems
    if comparisons.raters * systems**2 * resamples > MAX_WORK:
        return None
    by_rater = _half_wins_by_rater(comparisons)
    weights = rng.standard_exponential((resamples, comparisons.raters))
    rates = np.empty((resamples, systems))
    for k in range(resamples):
        half_wins = (weights[k] @ by_rater).reshape(systems, systems)
        try:
            rates[k] = win_rates(newton(half_wins, fit.strengths, fit.prior_precision).strengths)
        except (NotConverged, np.linalg.LinAlgError):
            return None
    return rates


def _half_wins_by_rater(comparisons: Comparisons) -> csr_array:
    """Return each rater's half-win matrix as a row, [raters, systems * systems]."""
    c = comparisons
    worth = WORTH[c.outcome]
    values = np.concatenate([worth * c.count, (1 - worth) * c.count])
    columns = np.concatenate([c.a * c.systems + c.b, c.b * c.systems + c.a])
    rows = np.concatenate([c.rater, c.rater])
    return csr_array((values, (rows, columns)), shape=(c.raters, c.systems**2))
