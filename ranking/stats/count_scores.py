"""The count score of best-worst scaling: best less worst, over times shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.stats.choices import Choices
from ranking.stats.counts import Floats
from ranking.stats.exceptions import NotEnoughData
from ranking.stats.intervals import contrast_intervals
from ranking.stats.mean_intervals import NOTHING, room_of_means, unanimous_reach
from ranking.stats.ratings import Scale
from ranking.stats.sandwich import Sandwich, sandwich_of

SCALE = Scale(low=-1, high=1)


@dataclass(frozen=True, kw_only=True)
class CountScores:
    """[systems] each: how often shown, best and worst, and the score (Finn and Louviere, 1992).

    `low` and `high` are None where fewer than two raters judged.
    """

    shown: Floats
    best: Floats
    worst: Floats
    score: Floats
    low: Floats | None
    high: Floats | None


def count_scores(choices: Choices, *, rng: np.random.Generator, level: float = 0.95) -> CountScores:
    """Return the scores with intervals clustered by rater, and by prompt where they repeat.

    Where nothing varies an interval is what so few raters could have missed. Raises
    `NotEnoughData` for a system that was never shown.
    """
    given, present = choices.given, choices.present
    shown, best, worst = (part.T @ given for part in (present, choices.best, choices.worst))
    if (shown == 0).any():
        raise NotEnoughData("a system was never shown")
    score = (best - worst) / shown
    found = CountScores(shown=shown, best=best, worst=worst, score=score, low=None, high=None)
    beyond = choices.best - choices.worst - present.multiply(score[None, :])
    try:
        cov = sandwich_of(
            beyond.multiply(1 / shown[None, :]).tocsr(),
            np.eye(len(score)),
            row=choices.kind,
            rater=choices.rater,
            prompt=choices.prompt,
            count=choices.count,
        )
    except NotEnoughData:
        return found
    half = _half_width(score, cov, level, rng)
    return CountScores(
        shown=shown,
        best=best,
        worst=worst,
        score=score,
        low=np.maximum(score - half, SCALE.low),
        high=np.minimum(score + half, SCALE.high),
    )


def _half_width(score: Floats, cov: Sandwich, level: float, rng: np.random.Generator) -> Floats:
    found = contrast_intervals(score, np.eye(len(score)), cov, level=level, rng=rng)
    raters = np.full(len(score), cov.raters)
    missed = unanimous_reach(room_of_means(score, SCALE), raters, level)
    return np.where(found.error < NOTHING, missed, found.high - score)
