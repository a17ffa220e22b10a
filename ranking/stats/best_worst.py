"""Best-worst choices: the Plackett-Luce model of the best first and the worst last.

A rater who names the best and the worst of a few has ranked them in part: what is between is in
any order. Its probability is the sum of those of all rankings that agree (Luce, 1959; Plackett,
1975). Pairs that are implied ("best over others, others over worst") are no independent
comparisons: which of them are made hangs on the answer, and fitting them as such puts systems too
far apart from four outputs on (see Azari Soufiani, Chen, Parkes and Xia, 2013, on breaking
rankings). They serve to find what is connected, and a start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations

import choix
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ranking.stats.bradley_terry import (
    GRADIENT_TOLERANCE,
    MAX_STEPS,
    PRIOR_PRECISION,
    win_probabilities,
)
from ranking.stats.connectivity import groups, is_separated
from ranking.stats.counts import Counts, Floats, Ints, tally
from ranking.stats.exceptions import ImpossibleData, NotConnected, NotConverged, NotEnoughData
from ranking.stats.fits import Fit
from ranking.stats.ratings import Ratings, Scale
from ranking.stats.sandwich import Sandwich, sandwich_of

_HALVINGS = 30


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Parallel arrays, one entry a cell: `count` choices by `rater` on `prompt`.

    `ranked` [cells, most]: the best, those between in any order, the worst, then -1 where fewer
    were shown; at least three were. Raises `ImpossibleData` for anything else.
    """

    systems: int
    rater: Ints
    prompt: Ints
    ranked: Ints
    count: Ints

    def __post_init__(self) -> None:
        if len(self.ranked) and (self.shown < 3).any():
            raise ImpossibleData("a choice of fewer than three")
        if not (np.asarray(self.count) > 0).all():
            raise ImpossibleData("a count of judgments is not positive")

    @property
    def shown(self) -> Ints:
        """Return how many were shown, by cell."""
        return np.asarray((self.ranked >= 0).sum(axis=1))

    def of_size(self, size: int) -> NDArray[np.bool_]:
        return np.asarray(self.shown == size)

    @cached_property
    def sizes(self) -> list[int]:
        return [int(size) for size in np.unique(self.shown)]

    @cached_property
    def implied(self) -> Counts:
        """Return which systems were put above which: the best above all, all above the worst."""
        wins = np.zeros((self.systems, self.systems))
        for size in self.sizes:
            rows = self.of_size(size)
            ranked, count = self.ranked[rows, :size], self.count[rows]
            for above, below in _implied(size):
                np.add.at(wins, (ranked[:, above], ranked[:, below]), count)
        nothing = np.zeros_like(wins)
        return Counts(wins=wins, ties=nothing, both_bad=nothing)

    def named(self, *, best: bool) -> Floats:
        """Return how often each system was the best, or the worst, [systems]."""
        place = 0 if best else self.shown - 1
        chosen = self.ranked[np.arange(len(self.ranked)), place]
        return tally(chosen, self.count, self.systems)

    @property
    def times_shown(self) -> Floats:
        """Return how often each system was among those shown, [systems]."""
        is_there = self.ranked >= 0
        counts = np.broadcast_to(self.count[:, None], self.ranked.shape)
        return tally(self.ranked[is_there], counts[is_there], self.systems)

    def restricted_to(self, systems: Ints) -> Choices:
        """Keep the choices among these systems, numbered anew."""
        number = np.full(self.systems + 1, -1)
        number[systems] = np.arange(len(systems))
        kept = number[self.ranked[:, 0]] >= 0
        return replace(
            self,
            systems=len(systems),
            rater=self.rater[kept],
            prompt=self.prompt[kept],
            ranked=number[self.ranked[kept]],
            count=self.count[kept],
        )


def _implied(size: int) -> list[tuple[int, int]]:
    return [(0, p) for p in range(1, size)] + [(p, size - 1) for p in range(1, size - 1)]


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
    kinds = _kinds(choices)
    strengths, at, norm, steps = _newton(kinds, start, precision)
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
        rater=choices.rater,
        prompt=choices.prompt,
        count=choices.count,
        held_by=fit if fit.is_separated else None,
    )


def choice_scores(strengths: Floats, choices: Choices) -> csr_array:
    """Return the gradient of one choice's log likelihood, [cells, systems]."""
    shape = (len(choices.ranked), choices.systems)
    rows, columns, values = [], [], []
    for size in choices.sizes:
        cells = np.flatnonzero(choices.of_size(size))
        ranked = choices.ranked[cells, :size]
        rows.append(np.repeat(cells, size))
        columns.append(ranked.ravel())
        values.append(_chances(strengths[ranked]).gradient.ravel())
    if not rows:
        return csr_array(shape)
    data = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csr_array(data, shape=shape)


def _kinds(choices: Choices) -> Choices:
    """Return one cell for all that differ by rater or prompt only: enough for an estimate."""
    ranked = choices.ranked.copy()
    for size in choices.sizes:
        rows = choices.of_size(size)
        ranked[rows, 1 : size - 1] = np.sort(ranked[rows, 1 : size - 1], axis=1)
    kinds, kind = np.unique(ranked, axis=0, return_inverse=True)
    nobody = np.zeros(len(kinds), dtype=np.int64)
    count = np.bincount(kind.ravel(), choices.count, len(kinds)).astype(np.int64)
    return replace(choices, rater=nobody, prompt=nobody, ranked=kinds, count=count)


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
    log = np.zeros(len(worth))
    gradient, information = np.zeros_like(worth), np.zeros((*worth.shape, worth.shape[1]))
    odds = np.exp(worth - worth.max(axis=1, keepdims=True))
    for place, chosen in enumerate(order[:-1]):
        share = np.zeros_like(worth)
        left = order[place:]
        share[:, left] = odds[:, left] / odds[:, left].sum(axis=1, keepdims=True)
        log += np.log(share[:, chosen])
        gradient[:, chosen] += 1
        gradient -= share
        information -= share[:, :, None] * share[:, None, :]
        information[:, left, left] += share[:, left]
    return _Chances(log=log, gradient=gradient, information=information)


@dataclass(frozen=True, kw_only=True)
class _Likelihood:
    value: float
    gradient: Floats
    information: Floats


def _likelihood(strengths: Floats, kinds: Choices, precision: float) -> _Likelihood:
    """Return the log likelihood with the prior; the information is that of the data alone."""
    size = kinds.systems
    value = -precision * float(strengths @ strengths) / 2
    gradient, information = -precision * strengths, np.zeros(size * size)
    for shown in kinds.sizes:
        rows = kinds.of_size(shown)
        ranked, count = kinds.ranked[rows, :shown], kinds.count[rows]
        found = _chances(strengths[ranked])
        value += float(count @ found.log)
        weighted = found.gradient * count[:, None]
        gradient = gradient + tally(ranked.ravel(), weighted.ravel(), size)
        bent = found.information * count[:, None, None]
        place = ranked[:, :, None] * size + ranked[:, None, :]
        information += tally(place.ravel(), bent.ravel(), size * size)
    return _Likelihood(value=value, gradient=gradient, information=information.reshape(size, size))


def _newton(
    kinds: Choices, strengths: Floats, precision: float
) -> tuple[Floats, _Likelihood, float, int]:
    """Return the strengths, the likelihood there, its gradient's norm and the steps it took."""
    size = kinds.systems
    tolerance = max(GRADIENT_TOLERANCE, 1e-13 * float(kinds.count.sum()))
    at = _likelihood(strengths, kinds, precision)
    for step in range(MAX_STEPS):
        norm = float(np.linalg.norm(at.gradient))
        if norm < tolerance:
            return strengths - strengths.mean(), at, norm, step
        held = at.information + precision * np.eye(size)
        held += np.trace(held) / size**2
        move: Floats = np.linalg.solve(held, at.gradient).astype(np.float64)
        strengths, at = _uphill(kinds, strengths, move, at.value, precision)
    raise NotConverged(f"the gradient's norm is {norm:.1e} after {MAX_STEPS} steps")


def _uphill(
    kinds: Choices, strengths: Floats, move: Floats, value: float, precision: float
) -> tuple[Floats, _Likelihood]:
    """Go the move, or the largest half, quarter and so on of it that does not lead down."""
    least = value - 1e-12 * abs(value)
    for halving in range(_HALVINGS):
        there = strengths + move / 2**halving
        at = _likelihood(there, kinds, precision)
        if at.value >= least:
            return there, at
    raise NotConverged("no step leads up")


def best_worst_ratings(choices: Choices) -> Ratings:
    """Return 1 for the best, -1 for the worst and 0 for the others of each choice, as scores.

    Their mean is the count score, best minus worst over times shown (Finn and Louviere, 1992).
    """
    cell, place = np.nonzero(choices.ranked >= 0)
    score = np.where(place == 0, 1, np.where(place == choices.shown[cell] - 1, -1, 0))
    _, rater = np.unique(choices.rater[cell], return_inverse=True)
    _, prompt = np.unique(choices.prompt[cell], return_inverse=True)
    return Ratings(
        systems=choices.systems,
        raters=int(rater.max(initial=-1)) + 1,
        prompts=int(prompt.max(initial=-1)) + 1,
        rater=rater,
        prompt=prompt,
        system=choices.ranked[cell, place],
        score=score,
        count=choices.count[cell],
        scale=Scale(low=-1, high=1),
    )
