"""Mean scores of systems and how they vary together, clustered by rater and by prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ranking.stats.counts import Floats, Ints
from ranking.stats.exceptions import NotEnoughData
from ranking.stats.ratings import Ratings, Scale
from ranking.stats.sandwich import Sandwich

#: No mean varies less between raters than by this share of what it would if all judgments were
#: independent: a few raters who happen to agree are no proof.
LEAST_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class ClusteredMeans:
    """Weighted means [systems] with one covariance; `cov` is None below two raters.

    `judged` [raters, systems] says who judged what, `prompts` [systems] on how many prompts.
    `two_way` [systems]: prompts repeat, so that they are clusters as well.
    """

    mean: Floats
    cov: Sandwich | None
    judged: NDArray[np.bool_]
    prompts: Ints
    two_way: NDArray[np.bool_]
    scale: Scale

    @property
    def raters(self) -> Ints:
        return np.asarray(self.judged.sum(axis=0))


def clustered_means(ratings: Ratings, weight: Floats | Ints) -> ClusteredMeans:
    """Return the means with `weight` by cell, and their cluster-robust covariance.

    Raters and prompts are clusters, less what both count twice (Cameron, Gelbach and Miller,
    2011), and never less than raters alone; a system's own numbers of raters and prompts give its
    small-sample factors. Raises `NotEnoughData` for a system without judgments.
    """
    everything = np.zeros(len(ratings.system), dtype=np.int64)
    total = ratings.summed(everything, 1, weight)[0]
    if len(total) == 0 or (total <= 0).any():
        raise NotEnoughData("a system has no judgments")
    mean = ratings.summed(everything, 1, weight * ratings.score)[0] / total
    part = weight * (ratings.score - mean[ratings.system]) / total[ratings.system]
    given = ratings.summed(ratings.rater, ratings.raters, ratings.count)
    judged = given > 0
    prompts = (ratings.summed(ratings.prompt, ratings.prompts, ratings.count) > 0).sum(axis=0)
    repeat = given.sum(axis=0) > np.maximum(judged.sum(axis=0), prompts)
    found = ClusteredMeans(
        mean=mean,
        cov=None,
        judged=judged,
        prompts=prompts,
        two_way=repeat & (prompts > 1),
        scale=ratings.scale,
    )
    if judged.any(axis=1).sum() < 2:
        return found
    return replace(found, cov=_covariance(ratings, part, found))


def _covariance(ratings: Ratings, part: Floats, found: ClusteredMeans) -> Sandwich:
    influence = ratings.summed(ratings.rater, ratings.raters, part) * _factor(found.raters)
    by_rater = influence.T @ influence
    both = _by_rater_and_prompt(ratings, part)
    on_the_diagonal = np.diag_indices(ratings.systems)
    by_rater[on_the_diagonal] = np.maximum(np.diag(by_rater), LEAST_SHARE * np.diag(both))
    beyond = np.zeros_like(by_rater)
    if found.two_way.any():
        of_prompts = ratings.summed(ratings.prompt, ratings.prompts, part)
        of_prompts *= _factor(found.prompts)
        repeating = np.outer(found.two_way, found.two_way)
        beyond = np.where(repeating, of_prompts.T @ of_prompts - both, 0.0)
    raters = int(found.judged.any(axis=1).sum())
    return Sandwich(
        by_rater=by_rater,
        beyond_raters=beyond,
        influence=influence,
        raters=raters,
        degrees=raters - 1,
        is_two_way=bool(found.two_way.any()),
    )


def _factor(clusters: Ints) -> Floats:
    return np.asarray(np.sqrt(clusters / np.maximum(clusters - 1, 1)))


def _by_rater_and_prompt(ratings: Ratings, part: Floats) -> Floats:
    """Return the covariance with one cluster a rater and prompt, [systems, systems]."""
    key = ratings.prompt * ratings.raters + ratings.rater
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(key[order]) != 0))
    ends = np.append(starts, len(key))
    rows = csr_array(
        (part[order], ratings.system[order], ends), shape=(len(starts), ratings.systems)
    )
    return np.asarray((rows.T @ rows).toarray())
