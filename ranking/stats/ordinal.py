"""An ordered probit model of scores: nothing is assumed of how far apart the scores are.

Each system has a latent normal quality of variance one; a score says between which two
thresholds, the same for all systems, it fell (McKelvey and Zavoina, 1975; Liddell and Kruschke,
2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import ndtr
from scipy.stats import norm

from ranking.stats.counts import Floats, Ints
from ranking.stats.exceptions import NotConverged, NotEnoughData
from ranking.stats.ratings import Ratings

MAX_STEPS = 100
GRADIENT_TOLERANCE = 1e-8
_HALVINGS = 40


@dataclass(frozen=True, kw_only=True)
class OrdinalFit:
    """Effects [systems] in latent standard deviations, summing to zero; ascending thresholds.

    `error` [systems] is clustered by rater. The gradient's norm is by judgment.
    """

    effect: Floats
    error: Floats
    thresholds: Floats
    gradient_norm: float
    steps: int


def fit_ordinal(ratings: Ratings) -> OrdinalFit:
    """Fit effects and thresholds by Newton's method; the likelihood is concave (Pratt, 1981).

    Scores that nobody gave are left out. Raises `NotEnoughData` below two scores, systems or
    raters, and where no finite maximum exists: a system has the highest score only, say.
    """
    used = np.flatnonzero(ratings.distribution().sum(axis=0))
    by_rater = _by_rater(ratings, used)
    raters = int((by_rater.sum(axis=1) > 0).sum())
    if min(ratings.systems, len(used), raters) < 2:
        raise NotEnoughData("an ordinal model needs two systems, two scores and two raters")
    counts = np.asarray(by_rater.sum(axis=0), dtype=float).reshape(ratings.systems, -1)
    if not _is_finite(counts):
        raise NotEnoughData("scores that do not overlap leave no finite ordinal estimate")
    found = _newton(counts)
    bread = np.linalg.inv(found.at.information)
    scores = found.at.gradients.reshape(counts.size, -1)
    influence = (by_rater @ scores) @ bread
    covariance = raters / (raters - 1) * influence.T @ influence
    effects = _effects(ratings.systems, len(used) - 1)
    variance = np.einsum("sp,pq,sq->s", effects, covariance, effects)
    return OrdinalFit(
        effect=effects @ found.parameters,
        error=np.sqrt(np.maximum(variance, 0)),
        thresholds=found.parameters[: len(used) - 1],
        gradient_norm=found.gradient_norm,
        steps=found.steps,
    )


def _by_rater(ratings: Ratings, used: Ints) -> csr_array:
    """Return [rater, system * scores + score]: how often that was given, among scores used."""
    number = np.zeros(ratings.scale.points, dtype=np.int64)
    number[used] = np.arange(len(used))
    column = ratings.system * len(used) + number[ratings.score.astype(np.int64) - ratings.scale.low]
    shape = (ratings.raters, ratings.systems * len(used))
    return csr_array((ratings.count.astype(float), (ratings.rater, column)), shape=shape)


def _is_finite(counts: Floats) -> bool:
    """Return whether a maximum exists: no direction leaves every judgment as likely or more.

    A score given to a system holds its effect between two thresholds. What is held on both sides
    by a chain that comes back to itself cannot run away, so the graph must be one such chain.
    """
    systems, scores = counts.shape
    system, score = np.nonzero(counts)
    below, above = score < scores - 1, score > 0
    start = np.concatenate([system[below], systems + score[above] - 1])
    end = np.concatenate([systems + score[below], system[above]])
    nodes = systems + scores - 1
    graph = csr_array((np.ones(len(start)), (start, end)), shape=(nodes, nodes))
    return bool(connected_components(graph, connection="strong")[0] == 1)


def _effects(systems: int, thresholds: int) -> Floats:
    """Return [systems, parameters]: the effects, of which the last balances the others."""
    free = np.vstack([np.eye(systems - 1), -np.ones(systems - 1)])
    return np.hstack([np.zeros((systems, thresholds)), free])


@dataclass(frozen=True, kw_only=True)
class _Likelihood:
    """The log likelihood, its gradient [system, score, parameter] for each judgment, and the
    information [parameter, parameter] of all."""

    value: float
    gradients: Floats
    information: Floats


@dataclass(frozen=True, kw_only=True)
class _Maximum:
    parameters: Floats
    at: _Likelihood
    gradient_norm: float
    steps: int


def _newton(counts: Floats) -> _Maximum:
    shares = np.cumsum(counts.sum(axis=0))[:-1] / counts.sum()
    parameters = np.concatenate([norm.ppf(shares), np.zeros(len(counts) - 1)])
    at = _likelihood(parameters, counts)
    for step in range(MAX_STEPS):
        gradient = np.einsum("sk,skp->p", counts, at.gradients)
        size = float(np.linalg.norm(gradient) / counts.sum())
        if size < GRADIENT_TOLERANCE:
            return _Maximum(parameters=parameters, at=at, gradient_norm=size, steps=step)
        move = np.linalg.solve(at.information, gradient)
        parameters, at = _uphill(parameters, move, at.value, counts)
    raise NotConverged(f"the ordinal model still moves after {MAX_STEPS} steps")


def _uphill(
    parameters: Floats, move: Floats, value: float, counts: Floats
) -> tuple[Floats, _Likelihood]:
    """Go the move, or the largest half, quarter and so on of it that does not lead down."""
    least = value - 1e-12 * abs(value)
    for halving in range(_HALVINGS):
        there = parameters + move / 2**halving
        if (np.diff(there[: counts.shape[1] - 1]) > 0).all():
            at = _likelihood(there, counts)
            if at.value >= least:
                return there, at
    raise NotConverged("no step of the ordinal model leads up")


def _likelihood(parameters: Floats, counts: Floats) -> _Likelihood:
    systems, scores = counts.shape
    effects = _effects(systems, scores - 1)
    bounds = np.concatenate([[-np.inf], parameters[: scores - 1], [np.inf]])
    ends = bounds[None, :] - (effects @ parameters)[:, None]
    chance = np.maximum(_between(ends[:, :-1], ends[:, 1:]), 1e-300)
    # d end / d parameters, [system, bound, parameter]; outer bounds have no density.
    slope = np.zeros((systems, scores + 1, len(parameters))) - effects[:, None, :]
    slope[:, np.arange(1, scores), np.arange(scores - 1)] += 1
    density = norm.pdf(ends)
    curve = -np.where(np.isfinite(ends), ends, 0) * density
    first = np.diff(density[:, :, None] * slope, axis=1) / chance[:, :, None]
    bent = _outer(slope, curve, counts / chance)
    return _Likelihood(
        value=float((counts * np.log(chance)).sum()),
        gradients=first,
        information=np.einsum("sk,skp,skq->pq", counts, first, first, optimize=True) - bent,
    )


def _outer(slope: Floats, curve: Floats, weight: Floats) -> Floats:
    """Return the sum of weight * d2 chance: each bound ends one score and begins the next."""
    nothing = np.zeros((len(weight), 1))
    total = np.hstack([nothing, weight]) - np.hstack([weight, nothing])
    return np.asarray(np.einsum("sb,sbp,sbq->pq", total * curve, slope, slope, optimize=True))


def _between(low: Floats, high: Floats) -> Floats:
    """Return the normal probability between the ends, from the side where it is exact."""
    upper = low > 0
    return np.where(upper, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
