"""The best-worst part of a report: Plackett-Luce win rates, and how often best and worst."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from generation.models import System
from ranking.comparisons import StudyCells, choices
from ranking.reports.fit_rows import (
    apart_warning,
    best_first,
    influence_rows,
    interval_method,
    joined,
    lone_rater_row,
    place_row,
    strength_error,
    win_rate_ends,
)
from ranking.reports.groups import ranked
from ranking.reports.measures import BEST_WORST, stored
from ranking.reports.options import Options
from ranking.stats.best_worst import best_worst_covariance, fit_best_worst
from ranking.stats.bradley_terry import PRIOR_SD
from ranking.stats.choices import Choices
from ranking.stats.count_scores import CountScores, count_scores
from ranking.stats.counts import Ints, present, tally
from ranking.stats.exceptions import NotEnoughData
from ranking.stats.fits import Fit
from ranking.stats.influence import RaterInfluence, rater_influence
from ranking.stats.intervals import Intervals, win_rate_intervals
from ranking.stats.ranks import Ranks
from ranking.stats.sandwich import Sandwich
from ranking.stats.separation import OneSided, one_sided_win_rates

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Systems that were shown together, and what was fitted; `place[i]` is system i's number."""

    number: int
    place: Ints
    systems: list[System]
    choices: Choices
    fit: Fit
    #: None below two raters.
    cov: Sandwich | None
    win_rates: Intervals | None
    bounds: OneSided | None
    ranks: Ranks
    influence: RaterInfluence | None
    counted: CountScores


def best_worst_standings(
    cells: StudyCells, options: Options, *, with_excluded: bool = False
) -> list[Row]:
    """Return the standings alone."""
    return _standings(_fitted(cells, options, with_excluded=with_excluded))


def best_worst_part(cells: StudyCells, options: Options) -> Row:
    """Return all of a best-worst report that comes from the choices."""
    found = _fitted(cells, options)
    return {
        "measure": stored(BEST_WORST),
        "method": _method(found, options),
        "standings": _standings(found),
        "groups": [[system.slug for system in group.systems] for group in found],
        "implied_pairs": [row for group in found for row in _implied(group)],
        "raters": _raters(cells, found),
        "warnings": [
            *(warning for group in found for warning in _warnings(group)),
            *apart_warning(len(found), never="shown together"),
        ],
    }


def _fitted(cells: StudyCells, options: Options, *, with_excluded: bool = False) -> list[Ranked]:
    """Fit each group of systems that were shown together, the largest first."""
    data = choices(cells.people(part=options.part, with_excluded=with_excluded))
    found = joined(cells, data.implied.wins)
    return [_group(cells, data, place, number, options) for number, place in enumerate(found)]


def _group(cells: StudyCells, data: Choices, place: Ints, number: int, options: Options) -> Ranked:
    rng = np.random.default_rng(options.seed)
    inside = data.restricted_to(place)
    fit = fit_best_worst(inside)
    cov = _covariance(fit, inside)
    raters = len(present(inside.rater, len(cells.everything.raters)))
    return Ranked(
        number=number,
        place=place,
        systems=[cells.systems[i] for i in place],
        choices=inside,
        fit=fit,
        cov=cov,
        win_rates=win_rate_intervals(fit, cov, level=options.level, rng=rng) if cov else None,
        bounds=one_sided_win_rates(inside.implied, units=raters, level=options.level)
        if fit.is_separated
        else None,
        ranks=ranked(fit.strengths, cov, options, rng),
        influence=rater_influence(fit, cov) if cov else None,
        counted=count_scores(inside, rng=rng, level=options.level),
    )


def _covariance(fit: Fit, data: Choices) -> Sandwich | None:
    try:
        return best_worst_covariance(fit, data)
    except NotEnoughData:
        return None


def _standings(found: list[Ranked]) -> list[Row]:
    return [
        row
        for group in found
        for row in best_first(_standing(group, i) for i in range(len(group.systems)))
    ]


def _standing(group: Ranked, i: int) -> Row:
    counted = group.counted
    return {
        **place_row(group.systems, group.ranks, i, group=group.number),
        "strength": float(group.fit.strengths[i]),
        "strength_se": strength_error(group.cov, group.fit, i),
        "win_rate": float(group.fit.win_rates[i]),
        **win_rate_ends(group.win_rates, group.bounds, i),
        "judgments": int(counted.shown[i]),
        "times_best": int(counted.best[i]),
        "times_worst": int(counted.worst[i]),
        "best_share": float(counted.best[i] / counted.shown[i]),
        "worst_share": float(counted.worst[i] / counted.shown[i]),
        "best_less_worst": float(counted.score[i]),
        "best_less_worst_low": None if counted.low is None else float(counted.low[i]),
        "best_less_worst_high": None if counted.high is None else float(counted.high[i]),
        **lone_rater_row(group.influence, i),
    }


def _implied(group: Ranked) -> list[Row]:
    """Return how often each system of a pair was put above the other in one judgment."""
    wins = group.choices.implied.wins
    return [
        {
            "a": group.systems[i].slug,
            "b": group.systems[j].slug,
            "a_above": int(wins[i, j]),
            "b_above": int(wins[j, i]),
            "p_a": float(group.fit.expected[i, j]),
        }
        for i, j in zip(*np.nonzero(np.triu(wins + wins.T)), strict=True)
    ]


def _raters(cells: StudyCells, found: list[Ranked]) -> list[Row]:
    """Return the largest group's raters, those with most influence first."""
    if not found or found[0].influence is None:
        return []
    group, everybody = found[0], len(cells.everything.raters)
    raters = present(group.choices.rater, everybody)
    judged = tally(group.choices.rater, group.choices.count, everybody)[raters]
    names = [cells.labels.rater_names[r] for r in raters]
    return influence_rows(names, judged, found[0].influence)


def _method(found: list[Ranked], options: Options) -> Row:
    return {
        "model": "plackett-luce",
        "solver": f"choix {version('choix')}, spectral ranking of the implied pairs, then Newton "
        "on the likelihood of the partial rankings to a gradient norm below 1e-8",
        **interval_method([group.cov for group in found], options),
    }


def _warnings(group: Ranked) -> list[str]:
    warnings = []
    if group.fit.is_separated:
        warnings.append(
            "Some systems were never put below the others, or never above: no finite estimate "
            f"exists. A normal prior (standard deviation {PRIOR_SD} on differences of strength) "
            "holds the strengths, and their win rates have one-sided bounds. Ask for more "
            "judgments."
        )
    return warnings
