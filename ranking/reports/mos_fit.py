"""What is computed of scores for a report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.models import System
from ranking.comparisons import StudyCells, ratings
from ranking.reports.options import Options
from ranking.stats.counts import present
from ranking.stats.exceptions import StatisticsError
from ranking.stats.mos import MeanOpinion, RaterShifts, mean_opinion_scores, rater_shifts
from ranking.stats.rater_bias import RaterBias, rater_bias
from ranking.stats.ratings import Ratings


@dataclass(frozen=True, kw_only=True)
class MosFit:
    """What was found of the systems that were judged; all is by their number here."""

    data: Ratings
    systems: list[System]
    rater_names: list[str]
    scores: MeanOpinion
    #: None below two raters.
    shifts: RaterShifts | None
    #: None where it cannot be had, for the reason given.
    bias: RaterBias | None
    bias_reason: str


def fitted_mos(
    cells: StudyCells, options: Options, *, with_excluded: bool = False
) -> MosFit | None:
    """Return the means and what goes with them; None without judgments."""
    counted = cells.people(part=options.part, with_excluded=with_excluded)
    everything = ratings(counted)
    judged = np.flatnonzero(everything.distribution().sum(axis=1))
    if len(judged) == 0:
        return None
    data = everything.of(judged, np.ones(everything.prompts, dtype=bool))
    rng = np.random.default_rng(options.seed)
    scores = mean_opinion_scores(data, rng=rng, level=options.level)
    cov = scores.found.cov
    raters = present(counted.column("rater"), len(counted.raters))
    bias, reason = _bias(data)
    return MosFit(
        data=data,
        systems=[cells.systems[s] for s in judged],
        rater_names=[cells.labels.rater_names[r] for r in raters],
        scores=scores,
        shifts=rater_shifts(data, cov) if cov else None,
        bias=bias,
        bias_reason=reason,
    )


def _bias(data: Ratings) -> tuple[RaterBias | None, str]:
    try:
        return rater_bias(data), ""
    except StatisticsError as error:
        return None, str(error)
