"""Best-worst choices: the Plackett-Luce model of the best first and the worst last.

A rater who names the best and the worst of a few has ranked them in part: what is between is in
any order. Its probability is the sum of those of all rankings that agree (Luce, 1959; Plackett,
1975). Pairs that are implied ("best over others, others over worst") are no independent
comparisons: which of them are made hangs on the answer, and fitting them as such puts systems too
far apart from four outputs on (see Azari Soufiani, Chen, Parkes and Xia, 2013, on breaking
rankings). They serve to find what is connected, and a start.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import choix
import numpy as np
from scipy.sparse import csr_array

from ranking.stats.bradley_terry import (
    GRADIENT_TOLERANCE,
    MAX_STEPS,
    PRIOR_PRECISION,
    win_probabilities,
)
from ranking.stats.choices import Choices
from ranking.stats.connectivity import groups, is_separated
from ranking.stats.counts import Floats, Ints, tally
from ranking.stats.exceptions import NotConnected, NotConverged, NotEnoughData
from ranking.stats.fits import Fit
from ranking.stats.sandwich import Sandwich, sandwich_of

_HALVINGS = 30


def fit_best_worst(choices: Choices) -> Fit:
    """Fit strengths by maximum likelihood of the partial rankings.

    Starts from choix's spectral ranking of the implied pairs and goes on by Newton's method until
    the gradient's norm is below 1e-8; the likelihood is concave (Prékopa, 1973). Where some
    systems were never put below the others a prior holds the strengths, as in
    `fit_bradley_terry`. Raises `NotConnected`, `NotConverged` and `NotEnoughData` as it does.
    """
    if choices.systems < 2:
        raise NotEnoughData("a comparison needs two systems")
    wins = choices.implied.wins
    if len(groups(wins)) > 1:
        raise NotConnected("the systems fall into groups that were never shown together")
    separated = is_separated(wins)
    precision = PRIOR_PRECISION if separated else 0.0
    start = np.zeros(len(wins)) if separated else np.asarray(choix.lsr_pairwise_dense(wins))
    strengths, at, norm, steps = _newton(choices, start, precision)
    expected = win_probabilities(strengths)
    return Fit(
        strengths=strengths,
        expected=expected,
        slope=expected * (1 - expected),
        information=at.information,
        gradient_norm=norm,
        steps=steps,
        prior_precision=precision,
    )


def best_worst_covariance(fit: Fit, choices: Choices) -> Sandwich:
    """Return the strengths' covariance, clustered by rater, and by prompt where they repeat.

    Raises `NotEnoughData` below two raters.
    """
    return sandwich_of(
        choice_scores(fit.strengths, choices),
        fit.bread,
        row=choices.kind,
        rater=choices.rater,
        prompt=choices.prompt,
        count=choices.count,
        held_by=fit if fit.is_separated else None,
    )


def choice_scores(strengths: Floats, choices: Choices) -> csr_array:
    """Return the gradient of one choice's log likelihood, [kinds, systems]."""
    shape = (len(choices.ranked), choices.systems)
    rows, columns, values = [], [], []
    for size in choices.sizes:
        kinds = np.flatnonzero(choices.of_size(size))
        ranked = choices.ranked[kinds, :size]
        rows.append(np.repeat(kinds, size))
        columns.append(ranked.ravel())
        values.append(_chances(strengths[ranked]).gradient.ravel())
    if not rows:
        return csr_array(shape)
    data = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csr_array(data, shape=shape)


@dataclass(frozen=True, kw_only=True)
class _Chances:
    """The log chance of each choice, its gradient and what it is bent by; k choices of n."""

    log: Floats
    gradient: Floats
    information: Floats


def _chances(worth: Floats) -> _Chances:
    """Add up the rankings that agree with each choice, for strengths `worth` [k, n] as ranked."""
    size = worth.shape[1]
    orders = [(0, *middle, size - 1) for middle in permutations(range(1, size - 1))]
    each = [_ranking(worth, np.array(order)) for order in orders]
    log = np.logaddexp.reduce([found.log for found in each])
    gradient, square = np.zeros_like(worth), np.zeros((*worth.shape, size))
    for found in each:
        share = np.exp(found.log - log)
        gradient += share[:, None] * found.gradient
        outer = found.gradient[:, :, None] * found.gradient[:, None, :]
        square += share[:, None, None] * (found.information - outer)
    square += gradient[:, :, None] * gradient[:, None, :]
    return _Chances(log=log, gradient=gradient, information=square)


def _ranking(worth: Floats, order: Ints) -> _Chances:
    """Return what a whole ranking [n] contributes: each is chosen from those that are left."""
    size, ordered = len(order), (worth - worth.max(axis=1, keepdims=True))[:, order]
    odds = np.exp(ordered)
    # The odds of all that are left at each choice, [k, n - 1]: the last is never chosen.
    left = np.cumsum(odds[:, ::-1], axis=1)[:, :0:-1]
    last = np.minimum(np.arange(size), size - 2)
    share = odds * np.cumsum(1 / left, axis=1)[:, last]
    squares = np.cumsum(1 / left**2, axis=1)[:, np.minimum.outer(last, last)]
    gradient, information = -share, -odds[:, :, None] * odds[:, None, :] * squares
    gradient[:, :-1] += 1
    information[:, np.arange(size), np.arange(size)] += share
    back = np.argsort(order)
    return _Chances(
        log=(ordered[:, :-1] - np.log(left)).sum(axis=1),
        gradient=gradient[:, back],
        information=information[:, back[:, None], back],
    )


@dataclass(frozen=True, kw_only=True)
class _Likelihood:
    value: float
    gradient: Floats
    information: Floats


def _likelihood(strengths: Floats, choices: Choices, precision: float) -> _Likelihood:
    """Return the log likelihood with the prior; the information is that of the data alone."""
    size = choices.systems
    value = -precision * float(strengths @ strengths) / 2
    gradient, information = -precision * strengths, np.zeros(size * size)
    for shown in choices.sizes:
        rows = choices.of_size(shown)
        ranked, count = choices.ranked[rows, :shown], choices.given[rows]
        found = _chances(strengths[ranked])
        value += float(count @ found.log)
        weighted = found.gradient * count[:, None]
        gradient = gradient + tally(ranked.ravel(), weighted.ravel(), size)
        bent = found.information * count[:, None, None]
        place = ranked[:, :, None] * size + ranked[:, None, :]
        information += tally(place.ravel(), bent.ravel(), size * size)
    return _Likelihood(value=value, gradient=gradient, information=information.reshape(size, size))


def _newton(
    choices: Choices, strengths: Floats, precision: float
) -> tuple[Floats, _Likelihood, float, int]:
    """Return the strengths, the likelihood there, its gradient's norm and the steps it took."""
    size = choices.systems
    tolerance = max(GRADIENT_TOLERANCE, 1e-13 * float(choices.count.sum()))
    at = _likelihood(strengths, choices, precision)
    for step in range(MAX_STEPS):
        norm = float(np.linalg.norm(at.gradient))
        if norm < tolerance:
            return strengths - strengths.mean(), at, norm, step
        held = at.information + precision * np.eye(size)
        held += np.trace(held) / size**2
        move: Floats = np.linalg.solve(held, at.gradient).astype(np.float64)
        strengths, at = _uphill(choices, strengths, move, at.value, precision)
    raise NotConverged(f"the gradient's norm is {norm:.1e} after {MAX_STEPS} steps")


def _uphill(
    choices: Choices, strengths: Floats, move: Floats, value: float, precision: float
) -> tuple[Floats, _Likelihood]:
    """Go the move, or the largest half, quarter and so on of it that does not lead down."""
    least = value - 1e-12 * abs(value)
    for halving in range(_HALVINGS):
        there = strengths + move / 2**halving
        at = _likelihood(there, choices, precision)
        if at.value >= least:
            return there, at
    raise NotConverged("no step leads up")
