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
from ranking.stats.counts import Comparisons, Counts, Floats, Ints, tally
from ranking.stats.fits import Fit

RESAMPLES = 1000
#: Resamples that are fitted together: their arrays stay in the cache.
_BLOCK = 64
_TOLERANCE = 1e-8
_MAX_STEPS = 60
#: From so many judgments on, a gamma draw is a cubed normal: mean and variance right to 0.4 %.
_FULL_CELL = 8
#: Fewer resamples give no percentiles worth showing.
MIN_RESAMPLES = 200
#: So many products are a tenth of a second or so; a refit takes so many of each cell.
MAX_WORK = 1e8
_STEP_WORK = 20
#: A product with an array is so much quicker than with a sparse one.
_DENSE_GAIN = 10


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
    factor = _factor(fit, counts)
    draw = _drawer(pairs.cells)
    sizes = [min(_BLOCK, resamples - start) for start in range(0, resamples, _BLOCK)]
    streams = rng.spawn(len(sizes))

    def block(number: int) -> Floats:
        weights = draw(streams[number], sizes[number])
        return _refit(pairs, weights, fit.strengths, factor)

    with ThreadPoolExecutor(min(len(sizes), os.cpu_count() or 1)) as threads:
        return np.concatenate(list(threads.map(block, range(len(sizes)))))


def _factor(fit: Fit, counts: Counts) -> tuple[Floats, bool]:
    """Factor the information at the estimate, filled in where all strengths move together."""
    weight = counts.meetings * fit.slope
    filled = np.diag(weight.sum(axis=1)) - weight + weight.sum() / fit.systems**2
    factor: tuple[Floats, bool] = cho_factor(filled, lower=True)
    return factor


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
    fit: Fit, comparisons: Comparisons, *, rng: np.random.Generator
) -> Floats | None:
    """Return win rates refitted with one Exp(1) weight a rater, [resamples, systems].

    The model is Bradley-Terry with half-win ties. So many resamples as are quick; None where too
    few would be, or where a prior holds the fit.
    """
    counts = comparisons.counts
    pairs = _pairs(counts)
    by_rater = _cells_by_rater(pairs, comparisons)
    each = by_rater.nnz if isinstance(by_rater, csr_array) else by_rater.size / _DENSE_GAIN
    resamples = int(min(RESAMPLES, MAX_WORK / (each + _STEP_WORK * pairs.cells.size)))
    if fit.is_separated or resamples < MIN_RESAMPLES:
        return None
    factor = _factor(fit, counts)
    rates = []
    for start in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - start)
        weights = by_rater @ rng.standard_exponential((comparisons.raters, size))
        strengths = _refit(pairs, weights.reshape(3, -1, size), fit.strengths, factor)
        rates.append(win_rates(strengths))
    return np.concatenate(rates)


def _cells_by_rater(pairs: _Pairs, comparisons: Comparisons) -> csr_array | Floats:
    """Return how often each rater did what `pairs.cells` counts, [3 * pairs, raters].

    An array where that is small beside the cells, else sparse.
    """
    c = comparisons
    number = np.zeros((pairs.systems, pairs.systems), dtype=np.int64)
    for first, row, second in pairs.rows:
        number[first, second] = number[second, first] = np.arange(row.start, row.stop)
    # 0: the first system of the pair won, 1: neither, 2: the second.
    kind = np.array([0, 2, 1, 1])[c.outcome]
    kind = np.where(c.a < c.b, kind, 2 - kind)
    row = kind * pairs.cells.shape[1] + number[c.a, c.b]
    shape = (pairs.cells.size, c.raters)
    if shape[0] * shape[1] <= _DENSE_GAIN * len(c.count):
        return tally(row * c.raters + c.rater, c.count, shape[0] * shape[1]).reshape(shape)
    return csr_array((c.count.astype(float), (row, c.rater)), shape=shape)
