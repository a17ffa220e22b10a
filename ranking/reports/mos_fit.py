"""What is computed of scores for a report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.models import System
from ranking.comparisons import StudyCells, ratings
from ranking.reports.fit_rows import by_slug
from ranking.reports.options import Options
from ranking.reports.scores import Scores
from ranking.stats.counts import Ints, present, tally
from ranking.stats.exceptions import StatisticsError
from ranking.stats.influence import RaterInfluence
from ranking.stats.mos import MeanOpinion, mean_opinion_scores, rater_shifts
from ranking.stats.rater_bias import RaterBias, rater_bias
from ranking.stats.ratings import Ratings


@dataclass(frozen=True, kw_only=True)
class MosFit:
    """What was found of the systems that were judged; all is by their number here."""

    data: Ratings
    systems: list[System]
    rater_names: list[str]
    #: How often each system, and each rater, judged: an answer to several questions is one.
    judgments: Ints
    judged: Ints
    #: [systems, bins]: how often scores were in each bar of a histogram; None: there is none.
    distribution: Ints | None
    scores: MeanOpinion
    #: None below two raters.
    shifts: RaterInfluence | None
    #: None where it cannot be had, for the reason given.
    bias: RaterBias | None
    bias_reason: str


def fitted_mos(cells: StudyCells, found: Scores, options: Options) -> MosFit | None:
    """Return the means and what goes with them; None without judgments."""
    counted = found.cells
    everything = ratings(counted, scale=found.scale, score=found.score)
    judged = by_slug(cells, np.flatnonzero(everything.judgments))
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
        judgments=_judgments(found, "a", len(cells.systems))[judged]
        if not found.bins
        else everything.judgments[judged],
        judged=_judgments(found, "rater", len(counted.raters))[raters],
        distribution=_distribution(found)[judged] if found.bins else None,
        scores=scores,
        shifts=rater_shifts(data, cov) if cov else None,
        bias=bias,
        bias_reason=reason,
    )


def _judgments(found: Scores, column: str, size: int) -> Ints:
    """Return how many judgments there are by a column, each once: by its first question."""
    first = found.cells.of_question(int(found.cells.rows["question"].min()))
    return tally(first.column(column), first.column("count"), size).astype(np.int64)


def _distribution(found: Scores) -> Ints:
    cells, bins = found.cells, len(found.bins)
    size = len(cells.systems)
    table = tally(cells.column("a") * bins + found.bin, cells.column("count"), size * bins)
    return table.astype(np.int64).reshape(size, bins)


def _bias(data: Ratings) -> tuple[RaterBias | None, str]:
    try:
        return rater_bias(data), ""
    except StatisticsError as error:
        return None, str(error)
