"""Mean opinion scores with intervals that are clustered by rater."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ranking.stats.counts import Floats, Ints

SCORES = 5


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """Parallel arrays, one entry a cell: `count` judgments of `rater` gave `system` `score`.

    Prompts, systems and raters are numbered from 0.
    """

    systems: int
    raters: int
    prompts: int
    rater: Ints
    prompt: Ints
    system: Ints
    score: Ints
    count: Ints

    def distribution(self) -> Ints:
        """Return [system, score - 1]: how often each score was given."""
        table = np.zeros((self.systems, SCORES), dtype=np.int64)
        np.add.at(table, (self.system, self.score - 1), self.count)
        return table

    def totals(self) -> tuple[Floats, Floats]:
        """Return the sums of scores and the judgments, each [raters, systems]."""
        sums, counts = np.zeros((2, self.raters, self.systems))
        np.add.at(sums, (self.rater, self.system), self.score * self.count)
        np.add.at(counts, (self.rater, self.system), self.count)
        return sums, counts


@dataclass(frozen=True, kw_only=True)
class MeanOpinion:
    """[systems] each; `low` and `high` are NaN-free: None where fewer than two raters judged."""

    mean: Floats
    sd: list[float | None]
    low: list[float | None]
    high: list[float | None]
    judgments: Ints


def mean_opinion_scores(ratings: Ratings, *, level: float = 0.95) -> MeanOpinion:
    """Return means with t intervals from the cluster-robust variance (Liang and Zeger, 1986).

    Every system needs a judgment. The degrees of freedom are its raters minus one; with one
    judgment from each rater this is the textbook t interval.
    """
    sums, counts = ratings.totals()
    judgments = counts.sum(axis=0)
    mean = sums.sum(axis=0) / judgments
    low, high, sd = [], [], []
    for system in range(ratings.systems):
        half = _half_width(sums[:, system], counts[:, system], mean[system], level)
        low.append(None if half is None else float(mean[system] - half))
        high.append(None if half is None else float(mean[system] + half))
        sd.append(_sd(ratings.distribution()[system]))
    return MeanOpinion(mean=mean, sd=sd, low=low, high=high, judgments=judgments.astype(np.int64))


def _half_width(sums: Floats, counts: Floats, mean: float, level: float) -> float | None:
    raters = int((counts > 0).sum())
    if raters < 2:
        return None
    residuals = sums - counts * mean
    variance = raters / (raters - 1) * (residuals**2).sum() / counts.sum() ** 2
    return float(student.ppf((1 + level) / 2, raters - 1) * np.sqrt(variance))


def _sd(distribution: Ints) -> float | None:
    if distribution.sum() < 2:
        return None
    scores = np.repeat(np.arange(1, SCORES + 1), distribution)
    return float(scores.std(ddof=1))


def resampled_means(ratings: Ratings, weights: Floats) -> Floats:
    """Return the means under rater weights [resamples, raters], [resamples, systems]."""
    sums, counts = ratings.totals()
    return np.asarray((weights @ sums) / (weights @ counts))
