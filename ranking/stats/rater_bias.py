"""Means with each rater's bias taken off, raters weighed by consistency (ITU-T P.913, 12.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ranking.stats.counts import Floats, Ints, tally
from ranking.stats.exceptions import NotConverged, NotEnoughData
from ranking.stats.ratings import Ratings

#: So many steps at most, and so many steps times cells.
MAX_STEPS, MAX_WORK = 1000, 50_000_000
#: Steps end when no mean of a system moves more than that, and no bias than the second.
TOLERANCE, BIAS_TOLERANCE = 1e-6, 1e-4
_LEAST_VARIANCE = 1e-8
#: No rater's variance counts as less than this share of all raters', else one who happens to fit
#: draws the means to themself until nothing is left of the others.
LEAST_SHARE = 0.2
#: With fewer judgments a rater's own variance is not known: that of all raters stands in.
FEW_JUDGMENTS = 20
#: With fewer judgments a rater on average, biases are noise and so would be corrected means.
LEAST_JUDGMENTS = 5


@dataclass(frozen=True, kw_only=True)
class RaterBias:
    """What was found by alternating projection.

    `bias` [raters], in scores: how much higher than others a rater scores; the mean is zero.
    `inconsistency` [raters]: the standard deviation of what bias and task leave over.
    `mean` [systems]: of the corrected scores of its tasks, each task with its judgments.
    """

    bias: Floats
    inconsistency: Floats
    mean: Floats
    steps: int


def rater_bias(ratings: Ratings) -> RaterBias:
    """Return biases and corrected means after Li, Bampis, Krasula, Janowski and Katsavounidis.

    Task scores are means over raters, less their biases, weighed by their inverse variance;
    biases are the mean of what is left over (2020; the reference method of ITU-T P.913 clause
    12.6). Raises `NotEnoughData` below five judgments a rater, and `NotConverged` where that is
    long in settling: few raters a task, few tasks a rater.
    """
    judged = int((tally(ratings.rater, ratings.count, ratings.raters) > 0).sum())
    if ratings.total < LEAST_JUDGMENTS * max(judged, 1):
        raise NotEnoughData(f"raters gave fewer than {LEAST_JUDGMENTS} judgments each on average")
    cells = _Cells.of(ratings)
    task = cells.task_means(np.zeros(ratings.raters), np.ones(ratings.raters))
    bias = cells.biases(task)
    mean, moved = cells.system_means(task), np.inf
    steps = min(MAX_STEPS, MAX_WORK // len(ratings.score))
    for step in range(1, steps + 1):
        variance = cells.variances(task, bias)
        task = cells.task_means(bias, 1 / (cells.steadied(variance) + _LEAST_VARIANCE))
        before, bias = bias, cells.biases(task)
        last, mean = mean, cells.system_means(task)
        moved = float(np.abs(mean - last).max())
        if moved < TOLERANCE and np.abs(bias - before).max() < BIAS_TOLERANCE:
            centre = float(bias[cells.judgments > 0].mean())
            return RaterBias(
                bias=bias - centre,
                inconsistency=np.sqrt(variance),
                mean=mean + centre,
                steps=step,
            )
    raise NotConverged(f"corrected means still moved by {moved:.0e} after {steps} steps")


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Judgments and sums of scores, [tasks, raters] and its transpose; sums [raters]."""

    count: csr_array
    score: csr_array
    count_by_rater: csr_array
    score_by_rater: csr_array
    judgments: Floats
    scores: Floats
    squares: Floats
    #: [tasks]
    system: Ints
    systems: int

    @staticmethod
    def of(ratings: Ratings) -> _Cells:
        key = ratings.prompt * ratings.systems + ratings.system
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.append(True, np.diff(key[order]) != 0))
        ends = np.append(starts, len(key))
        shape = (len(starts), ratings.raters)
        given = ratings.count[order].astype(float)
        sums = given * ratings.score[order]
        count = csr_array((given, ratings.rater[order], ends), shape=shape)
        score = csr_array((sums, ratings.rater[order], ends), shape=shape)
        return _Cells(
            count=count,
            score=score,
            count_by_rater=count.T.tocsr(),
            score_by_rater=score.T.tocsr(),
            judgments=tally(ratings.rater, ratings.count, ratings.raters),
            scores=tally(ratings.rater, ratings.count * ratings.score, ratings.raters),
            squares=tally(ratings.rater, ratings.count * ratings.score**2, ratings.raters),
            system=ratings.system[order][starts],
            systems=ratings.systems,
        )

    def task_means(self, bias: Floats, weight: Floats) -> Floats:
        corrected = self.score @ weight - self.count @ (weight * bias)
        return np.asarray(corrected / (self.count @ weight))

    def biases(self, task: Floats) -> Floats:
        """Return each rater's mean of what the task leaves over."""
        return self._per_judgment(self.scores - self.count_by_rater @ task)

    def variances(self, task: Floats, bias: Floats) -> Floats:
        """Return the variance, by rater, of what the task leaves over; `bias` is its mean."""
        squares = self.squares - 2 * (self.score_by_rater @ task) + self.count_by_rater @ task**2
        return np.maximum(self._per_judgment(squares) - bias**2, 0)

    def steadied(self, variance: Floats) -> Floats:
        """Return the variances that weigh: not too small, and of enough judgments."""
        pooled = float((variance * self.judgments).sum() / self.judgments.sum())
        own = np.maximum(variance, LEAST_SHARE * pooled)
        return np.where(self.judgments < FEW_JUDGMENTS, pooled, own)

    def _per_judgment(self, sums: Floats) -> Floats:
        return np.asarray(sums / np.maximum(self.judgments, 1))

    def system_means(self, task: Floats) -> Floats:
        judgments = self.count.sum(axis=1)
        total = tally(self.system, judgments, self.systems)
        return np.asarray(tally(self.system, task * judgments, self.systems) / total)
