"""Mean opinion scores with two-way intervals and simultaneous rank ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ranking.stats.counts import Floats, Ints
from ranking.stats.influence import RaterInfluence
from ranking.stats.intervals import FEW_RATERS, wild_largest
from ranking.stats.mean_intervals import (
    NOTHING,
    contrasts,
    degrees_of_freedom,
    room_of_differences,
    room_of_means,
    student_reach,
    unanimous_reach,
)
from ranking.stats.means import ClusteredMeans, clustered_means
from ranking.stats.ranks import Ranks, rank, unknown_ranks
from ranking.stats.ratings import Ratings
from ranking.stats.sandwich import Sandwich

#: How often rank ranges are narrowed by what is already apart.
RANK_STEPS = 4
#: Up to so many systems all is done for every pair.
ALL_PAIRS_UP_TO = 20
#: Means that are equal to so many digits share a rank.
_DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class MeanOpinion:
    """[systems] each; `error`, `low` and `high` are None where fewer than two raters judged."""

    mean: Floats
    sd: list[float | None]
    error: list[float | None]
    low: list[float | None]
    high: list[float | None]
    judgments: Ints
    #: Systems of which all judgments are the same score: nothing varies that could be measured.
    unanimous: list[int]
    ranks: Ranks
    found: ClusteredMeans


def mean_opinion_scores(
    ratings: Ratings, *, rng: np.random.Generator, level: float = 0.95
) -> MeanOpinion:
    """Return the means of all judgments, with t intervals clustered by rater and prompt.

    With one judgment from each rater on one prompt this is the textbook t interval. Below 15
    raters it is at least that of the wild bootstrap. Intervals end at the scale's ends. Raises
    `NotEnoughData` for a system without judgments.
    """
    found = clustered_means(ratings, ratings.count)
    squares = ratings.count * (ratings.score - found.mean[ratings.system]) ** 2
    spread = ratings.summed(np.zeros(len(ratings.score), dtype=np.int64), 1, squares)[0]
    judgments = ratings.judgments
    error, low, high = _intervals(found, level, rng)
    return MeanOpinion(
        mean=found.mean,
        sd=[
            float(np.sqrt(square / (given - 1))) if given > 1 else None
            for square, given in zip(spread, judgments, strict=True)
        ],
        error=error,
        low=low,
        high=high,
        judgments=judgments,
        unanimous=np.flatnonzero(_reach(ratings) == 0).tolist(),
        ranks=_ranks(found, level, rng),
        found=found,
    )


def _intervals(
    found: ClusteredMeans, level: float, rng: np.random.Generator
) -> tuple[list[float | None], ...]:
    """Return the standard errors, low ends and high ends."""
    if found.cov is None:
        nothing: list[float | None] = [None] * len(found.mean)
        return nothing, nothing, nothing
    each = np.eye(len(found.mean))
    known = contrasts(
        found, found.cov, each, room_of_means(found.mean, found.scale), level=level, rng=rng
    )
    ends = (
        known.error,
        np.maximum(found.mean - known.half_width, found.scale.low),
        np.minimum(found.mean + known.half_width, found.scale.high),
    )
    enough = found.raters > 1
    return tuple(
        [float(v) if e else None for v, e in zip(values, enough, strict=True)] for values in ends
    )


def _ranks(found: ClusteredMeans, level: float, rng: np.random.Generator) -> Ranks:
    cov = found.cov
    if cov is None:
        return unknown_ranks(found.mean)
    reach = _difference_reach(found, cov, level)
    base = float(reach.min())

    def at_least(pairs: NDArray[np.bool_]) -> float:
        """Return the bound of one difference, or of the wild bootstrap over all in question."""
        if cov.raters >= FEW_RATERS:
            return base
        parts = _sorted(cov)
        largest = wild_largest(parts, len(found.mean), level=level, rng=rng, pairs=pairs)
        return base * max(1.0, largest / float(student_reach(cov.degrees, level)))

    return rank(
        found.mean,
        _drawn_covariance(found, cov, base, level),
        _difference_errors(found, cov, reach / base, base, level),
        degrees=cov.degrees,
        rng=rng,
        level=level,
        at_least=at_least,
        steps=RANK_STEPS if len(found.mean) <= ALL_PAIRS_UP_TO else 1,
    )


def _sorted(cov: Sandwich) -> Sandwich:
    """Return the same with raters in the order of what they do, whatever their numbers are."""
    order = np.lexsort(np.round(cov.influence, _DIGITS).T)
    return replace(cov, influence=cov.influence[order])


def _difference_reach(found: ClusteredMeans, cov: Sandwich, level: float) -> Floats:
    """Return [i, j]: the t quantile of the difference of i and j."""
    by_rater, beyond = (
        np.maximum(own[:, None] + own[None, :] - part - part.T, 0)
        for part in (cov.by_rater, cov.beyond_raters)
        for own in (np.diag(part),)
    )
    raters = np.minimum.outer(found.raters, found.raters)
    prompts = np.minimum.outer(found.prompts, found.prompts)
    return student_reach(degrees_of_freedom(by_rater, beyond, raters, prompts), level)


def _difference_errors(
    found: ClusteredMeans, cov: Sandwich, wider: Floats, base: float, level: float
) -> Floats:
    """Return [i, j], wider where few raters make a difference uncertain.

    Endless where one rater says all that is known of a system.
    """
    errors = cov.difference_errors(len(found.mean)) * wider
    room = room_of_differences(found.mean[:, None] - found.mean[None, :], found.scale)
    raters = np.minimum.outer(found.raters, found.raters)
    errors = np.where(errors < NOTHING, unanimous_reach(room, raters, level) / base, errors)
    alone = found.raters < 2
    errors[alone, :] = errors[:, alone] = np.inf
    return errors


def _drawn_covariance(found: ClusteredMeans, cov: Sandwich, base: float, level: float) -> Floats:
    """Return the covariance to draw from, with room for what did not happen to vary."""
    covariance = cov.matrix.copy()
    room = room_of_means(found.mean, found.scale)
    silent = np.where(np.diag(covariance) < NOTHING**2, 1.0, 0.0)
    added = silent * (unanimous_reach(room, found.raters, level) / base) ** 2
    added[found.raters < 2] = room[found.raters < 2] ** 2
    covariance[np.diag_indices(len(room))] += added
    return covariance


def _reach(ratings: Ratings) -> Floats:
    """Return each system's highest score less its lowest."""
    high = np.full(ratings.systems, -np.inf)
    low = np.full(ratings.systems, np.inf)
    np.maximum.at(high, ratings.system, ratings.score)
    np.minimum.at(low, ratings.system, ratings.score)
    return np.asarray(high - low)


def rater_shifts(ratings: Ratings, cov: Sandwich) -> RaterInfluence:
    """Leave out each rater: the means without the rater are exact.

    A mean that a rater alone makes up stays as it is.
    """
    sums = ratings.summed(ratings.rater, ratings.raters, ratings.score * ratings.count)
    counts = ratings.summed(ratings.rater, ratings.raters, ratings.count)
    mean = sums.sum(axis=0) / counts.sum(axis=0)
    left = counts.sum(axis=0) - counts
    without = np.where(left > 0, (sums.sum(axis=0) - sums) / np.maximum(left, 1), mean)
    ranks = rankdata(-np.round(without, _DIGITS), method="min", axis=1).astype(np.int64)
    squares = (cov.influence**2).sum(axis=1)
    return RaterInfluence(
        share=squares / max(float(squares.sum()), 1e-300),
        shift=np.abs(without - mean).max(axis=1),
        rank_low=ranks.min(axis=0),
        rank_high=ranks.max(axis=0),
    )
