"""Places of systems on a line from how far one was put above another, by least squares.

What a judgment says is the difference of two places (Thurstone, 1927; Scheffé, 1952), and what
raters give to the second output by its place on the screen. Steps of the scale are taken to be
equally far apart; nothing is assumed of how the judgments are distributed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ranking.stats.connectivity import groups
from ranking.stats.counts import Floats, Ints, present, renumbered, tally
from ranking.stats.exceptions import ImpossibleData, NotConnected, NotEnoughData
from ranking.stats.fits import centred_inverse, mean_over_others
from ranking.stats.mean_intervals import NOTHING, unanimous_reach
from ranking.stats.sandwich import Sandwich, sandwich_of

#: A condition number from which on the order shown goes with the systems.
_SINGULAR = 1e12


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """What was said, [kinds] in all but `kind` [cells], and how often each was: `given`."""

    kind: Ints
    a: Ints
    b: Ints
    second: Ints
    score: Floats
    given: Floats


@dataclass(frozen=True, kw_only=True)
class ScoredPairs:
    """Parallel arrays, one entry a cell: `count` judgments put a at `score` against b.

    `second` is +1 where a was shown second (or right), -1 where b was, 0 where it is not known.
    Where a is b the output was shown against itself (a null pair). `room` is the highest score;
    the lowest is minus that. Raises `ImpossibleData` for scores beyond, and counts that are not
    positive.
    """

    systems: int
    rater: Ints
    prompt: Ints
    a: Ints
    b: Ints
    second: Ints
    score: Floats
    count: Ints
    room: float

    def __post_init__(self) -> None:
        if not (np.abs(self.score) <= self.room).all():
            raise ImpossibleData(f"a score is beyond {self.room:g}")
        if not (np.asarray(self.count) > 0).all():
            raise ImpossibleData("a count of judgments is not positive")

    @property
    def meetings(self) -> Floats:
        """Return [a, b]: how often they were judged against each other, null pairs left out."""
        size = self.systems
        table = tally(self.a * size + self.b, self.count, size * size).reshape(size, size)
        table[np.diag_indices(size)] = 0
        return table + table.T

    @cached_property
    def kinds(self) -> Kinds:
        """Return the cells' kinds: few, however many cells there are."""
        steps, step = np.unique(self.score, return_inverse=True)
        key = (self.a * self.systems + self.b) * 3 + self.second + 1
        limit = 3 * self.systems**2 * len(steps)
        key = key * len(steps) + step
        kind, _ = renumbered(key, limit)
        pair, step = np.divmod(present(key, limit), len(steps))
        both, second = np.divmod(pair, 3)
        a, b = np.divmod(both, self.systems)
        return Kinds(
            kind=kind,
            a=a,
            b=b,
            second=second - 1,
            score=steps[step],
            given=tally(kind, self.count, len(a)),
        )

    def restricted_to(self, systems: Ints) -> ScoredPairs:
        """Keep the cells between these systems, numbered anew, and all null pairs.

        A null pair of another system says as much of the order shown; it is kept as one of the
        first.
        """
        number = np.full(self.systems, -1)
        number[systems] = np.arange(len(systems))
        is_null = self.a == self.b
        kept = is_null | ((number[self.a] >= 0) & (number[self.b] >= 0))
        a, b = (np.where(is_null, 0, number[side])[kept] for side in (self.a, self.b))
        return replace(
            self,
            systems=len(systems),
            a=a,
            b=b,
            **{name: getattr(self, name)[kept] for name in _BY_CELL},
        )


_BY_CELL = ("rater", "prompt", "second", "score", "count")


@dataclass(frozen=True, kw_only=True)
class LinearFit:
    """Places [systems] that sum to zero; `position` is what is given to the second output.

    `position` is None where the order shown is not known, or cannot be told from the systems.
    """

    places: Floats
    position: float | None
    #: [kinds, parameters], and [kinds]: see `ScoredPairs.kinds`.
    design: csr_array
    residual: Floats
    bread: Floats

    @property
    def systems(self) -> int:
        return len(self.places)

    @cached_property
    def expected(self) -> Floats:
        """Return [i, j]: the expected score of i against j, whichever comes first."""
        return self.places[:, None] - self.places[None, :]

    @cached_property
    def against_others(self) -> Floats:
        """Return each system's mean expected score against each of the others."""
        return mean_over_others(self.expected)

    @cached_property
    def against_others_gradient(self) -> Floats:
        """Return d against_others [systems] by the parameters."""
        size = self.systems
        gradient = np.zeros((size, len(self.bread)))
        gradient[:, :size] = (np.eye(size) - 1 / size) * size / (size - 1)
        return gradient


def fit_scored_pairs(pairs: ScoredPairs) -> LinearFit:
    """Fit places, and the position where it can be told, to the scores.

    Raises `NotEnoughData` below two systems and `NotConnected` where no chain of comparisons
    joins all systems.
    """
    if pairs.systems < 2:
        raise NotEnoughData("a comparison needs two systems")
    if len(groups(pairs.meetings)) > 1:
        raise NotConnected("the systems fall into groups that were never compared")
    kinds, size = pairs.kinds, pairs.systems
    found = _solved(kinds, size, _design(kinds, size, has_position=True))
    return found or _needed(_solved(kinds, size, _design(kinds, size, has_position=False)))


def _needed(found: LinearFit | None) -> LinearFit:
    if found is None:
        raise NotEnoughData("the comparisons do not fix the places")
    return found


def _design(kinds: Kinds, size: int, *, has_position: bool) -> csr_array:
    """Return [kinds, parameters]: +1 for a, -1 for b, and which was second."""
    rows = np.arange(len(kinds.score))
    ones = np.where(kinds.a == kinds.b, 0.0, 1.0)
    values, columns = [ones, -ones], [kinds.a, kinds.b]
    if has_position:
        values.append(kinds.second.astype(float))
        columns.append(np.full(len(rows), size))
    return csr_array(
        (np.concatenate(values), (np.tile(rows, len(values)), np.concatenate(columns))),
        shape=(len(rows), size + has_position),
    )


def _solved(kinds: Kinds, size: int, design: csr_array) -> LinearFit | None:
    """Return the least-squares fit; None where the design does not fix it."""
    weighted = design.multiply(kinds.given[:, None]).tocsr()
    information = np.asarray((design.T @ weighted).toarray())
    filled = information.copy()
    filled[:size, :size] += np.trace(information[:size, :size]) / size**2
    if np.linalg.cond(filled) > _SINGULAR:
        return None
    theta = np.linalg.solve(filled, weighted.T @ kinds.score)
    return LinearFit(
        places=theta[:size] - theta[:size].mean(),
        position=float(theta[size]) if len(theta) > size else None,
        design=design,
        residual=kinds.score - design @ theta,
        bread=centred_inverse(information, size),
    )


def linear_covariance(fit: LinearFit, pairs: ScoredPairs, *, level: float = 0.95) -> Sandwich:
    """Return the covariance of places and position, clustered by rater, and prompt if they repeat.

    Where raters say exactly the same of a difference, nothing varies that could be measured: it
    gets the error of what so few raters could have missed (see `unanimous_reach`). Raises
    `NotEnoughData` below two raters.
    """
    cov = sandwich_of(
        fit.design.multiply(fit.residual[:, None]).tocsr(),
        fit.bread,
        row=pairs.kinds.kind,
        rater=pairs.rater,
        prompt=pairs.prompt,
        count=pairs.count,
    )
    size = fit.systems
    silent = (cov.difference_errors(size) < NOTHING) & ~np.eye(size, dtype=bool)
    if not silent.any():
        return cov
    room = np.array([pairs.room + np.abs(fit.expected).max()])
    raters = np.array([cov.raters])
    missed = float(unanimous_reach(room, raters, level)[0]) / cov.quantile(level)
    by_rater = cov.by_rater.copy()
    by_rater[np.diag_indices(size)] += np.where(silent.any(axis=1), missed**2 / 2, 0.0)
    return replace(cov, by_rater=by_rater)
