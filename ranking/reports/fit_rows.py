"""What the reports of all fits have in common: places, ends, raters, how intervals are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from generation.models import System
from ranking.comparisons import StudyCells
from ranking.reports.options import Options
from ranking.stats.connectivity import groups
from ranking.stats.counts import Floats, Ints
from ranking.stats.fits import Fit
from ranking.stats.influence import RaterInfluence
from ranking.stats.intervals import FEW_RATERS, Intervals
from ranking.stats.ranks import Ranks
from ranking.stats.sandwich import Sandwich
from ranking.stats.separation import OneSided

Row = dict[str, Any]

#: So many raters are listed, those with most influence first.
LISTED = 200


def joined(cells: StudyCells, meetings: Floats) -> list[Ints]:
    """Return the groups of at least two systems that meetings join, the largest first.

    By slug, so that the order in which systems joined the study does not matter to any draw.
    """
    return [by_slug(cells, group) for group in groups(meetings) if len(group) > 1]


def by_slug(cells: StudyCells, systems: Iterable[int]) -> Ints:
    return np.array(sorted(systems, key=lambda i: cells.systems[i].slug), dtype=np.int64)


def best_first(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["rank"], row["name"]))


def place_row(systems: Sequence[System], ranks: Ranks, i: int, *, group: int = 0) -> Row:
    """Return who a system is, its rank with the range, and whom it cannot be told from."""
    tied = np.flatnonzero(~ranks.apart[i] & (np.arange(len(ranks.rank)) != i))
    return {
        "system": systems[i].slug,
        "name": systems[i].name,
        "group": group,
        "rank": int(ranks.rank[i]),
        "rank_low": int(ranks.low[i]),
        "rank_high": int(ranks.high[i]),
        "best": None if ranks.best is None else float(ranks.best[i]),
        "tied_with": [systems[int(j)].slug for j in tied],
    }


def lone_rater_row(influence: RaterInfluence | None, i: int) -> Row:
    """Return between which ranks leaving out one rater moves a system."""
    return {
        "rank_low_without_a_rater": None if influence is None else int(influence.rank_low[i]),
        "rank_high_without_a_rater": None if influence is None else int(influence.rank_high[i]),
    }


def strength_error(cov: Sandwich | None, fit: Fit, i: int) -> float | None:
    """Return the standard error of a strength, against the mean of all strengths."""
    if cov is None:
        return None
    contrast = np.zeros((1, fit.parameters))
    contrast[0, : fit.systems] = -1 / fit.systems
    contrast[0, i] += 1
    return float(np.sqrt(cov.variance(contrast)[0]))


def win_rate_ends(win_rates: Intervals | None, bounds: OneSided | None, i: int) -> Row:
    """Return the interval; where none is finite, a one-sided bound and which side it is on."""
    low = high = bound = None
    if win_rates is not None:
        low, high = float(win_rates.low[i]), float(win_rates.high[i])
        if bounds is not None and bounds.is_lower[i]:
            low, high, bound = min(float(bounds.low[i]), low), 1.0, "lower"
        elif bounds is not None and bounds.is_upper[i]:
            low, high, bound = 0.0, max(float(bounds.high[i]), high), "upper"
    return {"win_rate_low": low, "win_rate_high": high, "bound": bound}


def influence_row(name: str, influence: RaterInfluence, r: int) -> Row:
    return {
        "rater": name,
        "influence": float(influence.share[r]),
        "largest_shift": float(influence.shift[r]),
    }


def influence_rows(
    names: Sequence[str], judged: Ints | Floats, influence: RaterInfluence
) -> list[Row]:
    """Return the raters with most influence; `names` and `judged` are theirs, by number."""
    return [
        {
            **influence_row(names[r], influence, r),
            "judgments": int(judged[r]),
            "weight": float(judged[r] / judged.sum()),
        }
        for r in most_influential(influence)[:LISTED]
    ]


def most_influential(influence: RaterInfluence) -> Ints:
    return np.argsort(-influence.share, kind="stable")


def interval_method(covs: Sequence[Sandwich | None], options: Options) -> Row:
    """Say how the intervals of a fit to comparisons are made, and of what part of the study."""
    known = [cov for cov in covs if cov is not None]
    two_way = any(cov.is_two_way for cov in known)
    quantile = "t, raters minus one degrees of freedom"
    if two_way:
        quantile = "t, fewer of raters and prompts minus one degrees of freedom"
    if any(cov.raters < FEW_RATERS for cov in known):
        quantile = "wild score bootstrap by rater (Webb's weights), at least t"
    return {
        "interval": "rater-clustered sandwich" + (", two-way with prompts" if two_way else ""),
        "quantile": quantile,
        "ranks": "simultaneous intervals of all differences (largest |t|)",
        **ground(options),
    }


def ground(options: Options) -> Row:
    return {"level": options.level, "seed": options.seed, "slice": options.part.in_words()}


def apart_warning(count: int, *, never: str) -> list[str]:
    """Say that systems fall into several groups; `never` is what those of two groups were not."""
    if count < 2:
        return []
    return [
        f"The systems fall into {count} groups that were never {never}. Each has a table of its "
        "own; ranks do not carry over."
    ]
