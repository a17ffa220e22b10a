"""What is fitted for a report: each group of systems that comparisons join, by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.models import System
from ranking.comparisons import StudyCells
from ranking.reports.fit_rows import joined
from ranking.reports.options import Options
from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.counts import Comparisons, Floats, Ints, present
from ranking.stats.davidson import fit_davidson
from ranking.stats.exceptions import NotEnoughData
from ranking.stats.fits import Fit
from ranking.stats.influence import RaterInfluence, capped_weights, rater_influence
from ranking.stats.intervals import (
    FEW_RATERS,
    Intervals,
    wild_largest,
    win_rate_intervals,
)
from ranking.stats.ranks import Ranks, rank, unknown_ranks
from ranking.stats.sandwich import Sandwich, sandwich
from ranking.stats.separation import OneSided, one_sided_win_rates


@dataclass(frozen=True, kw_only=True)
class Group:
    """Systems that comparisons join, and what was fitted to them; `place[i]` is system i's number.

    `tallied` has each judgment once, `weighted` with its weight (the same where all weigh alike).
    """

    number: int
    place: Ints
    systems: list[System]
    #: Numbers of raters in the study, by their number in the group.
    raters: Ints
    tallied: Comparisons
    weighted: Comparisons
    fit: Fit
    cov: Sandwich | None
    ranks: Ranks
    win_rates: Intervals | None
    bounds: OneSided | None
    influence: RaterInfluence | None


def fitted_groups(cells: StudyCells, data: Comparisons, options: Options) -> list[Group]:
    """Fit each group of at least two connected systems, the largest first."""
    found = joined(cells, data.counts.half_wins)
    weight = None if cells.weights is None else cells.weights.of(data)
    # Each group has random numbers of its own: what else was judged changes nothing in it.
    return [
        _group(cells, data, weight, place, number, options) for number, place in enumerate(found)
    ]


def _group(
    cells: StudyCells,
    data: Comparisons,
    weight: Floats | None,
    place: Ints,
    number: int,
    options: Options,
) -> Group:
    rng = np.random.default_rng(options.seed)
    tallied = data.restricted_to(place)
    inside = np.isin(data.a, place) & np.isin(data.b, place)
    weighted = _weighted(tallied, None if weight is None else weight[inside], options)
    fit = _fit(weighted, options)
    cov = _covariance(fit, weighted)
    return Group(
        number=number,
        place=place,
        systems=[cells.systems[i] for i in place],
        raters=present(data.rater[inside], data.raters),
        tallied=tallied,
        weighted=weighted,
        fit=fit,
        cov=cov,
        ranks=ranked(fit.strengths, cov, options, rng),
        win_rates=win_rate_intervals(fit, cov, level=options.level, rng=rng) if cov else None,
        bounds=one_sided_win_rates(tallied.counts, units=tallied.raters, level=options.level)
        if fit.is_separated
        else None,
        influence=rater_influence(fit, cov) if cov else None,
    )


def _weighted(data: Comparisons, weight: Floats | None, options: Options) -> Comparisons:
    """Weigh judgments by the inverse of their tasks' chances, then cap the raters."""
    weighted = data
    if weight is not None:
        # Together they weigh as much as there are judgments.
        weight = weight * (data.count.sum() / float((data.count * weight).sum()))
        weighted = data.weighted(weight)
    if options.cap is None:
        return weighted
    cap = capped_weights(weighted, options.cap)[data.rater]
    return data.weighted(cap if weight is None else weight * cap)


def _fit(data: Comparisons, options: Options) -> Fit:
    if options.ties == "davidson":
        try:
            return fit_davidson(data.counts)
        except NotEnoughData:
            pass  # no ties at all: the two models are the same one
    return fit_bradley_terry(data.counts.half_wins)


def _covariance(fit: Fit, data: Comparisons) -> Sandwich | None:
    try:
        return sandwich(fit, data)
    except NotEnoughData:
        return None


def ranked(
    values: Floats, cov: Sandwich | None, options: Options, rng: np.random.Generator
) -> Ranks:
    """Rank values [systems], which are the first parameters of the covariance."""
    if cov is None:
        return unknown_ranks(values)
    size = len(values)
    few = cov.raters < FEW_RATERS
    return rank(
        values,
        cov.matrix[:size, :size],
        cov.difference_errors(size),
        degrees=cov.degrees,
        rng=rng,
        level=options.level,
        at_least=wild_largest(cov, size, level=options.level, rng=rng) if few else 0.0,
    )
