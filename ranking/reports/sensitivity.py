"""Would another method, or a few other judgments, say something else?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ranking.comparisons import StudyCells
from ranking.reports.groups import Group
from ranking.reports.options import Options
from ranking.reports.style import adjusted_row
from ranking.stats.bootstrap import rater_bootstrap
from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.davidson import fit_davidson
from ranking.stats.exceptions import StatisticsError
from ranking.stats.fits import Fit
from ranking.stats.influence import fewest_to_change_the_top

Row = dict[str, Any]


def sensitivity_rows(cells: StudyCells, fitted: list[Group], options: Options) -> Row:
    """Return the checks of the largest group; each is None where it does not apply."""
    first = fitted[0] if fitted else None
    return {
        "other_ties": first and _other_ties(first, options),
        "second_opinion": first and _second_opinion(first, options),
        # Counts judgments as if all weighed the same.
        "fewest_to_change_the_top": _flip(first) if first and cells.weights is None else None,
        "adjusted": adjusted_row(cells, first, options) if first and options.adjust else None,
    }


def _other_ties(group: Group, options: Options) -> Row | None:
    """Return the win rates when ties are taken the other way: Davidson's, or half a win."""
    counts = group.weighted.counts
    is_davidson = options.ties != "davidson"
    try:
        other = fit_davidson(counts) if is_davidson else fit_bradley_terry(counts.half_wins)
    except StatisticsError:
        return None
    return {
        "ties": "davidson" if is_davidson else "half",
        "tie_parameter": _nu(other if is_davidson else group.fit),
        "win_rates": _by_system(group, other.win_rates),
        "largest_difference": float(np.abs(other.win_rates - group.fit.win_rates).max()),
        "same_order": bool(
            (np.argsort(-other.strengths) == np.argsort(-group.fit.strengths)).all()
        ),
    }


def _nu(fit: Fit) -> float | None:
    return None if fit.log_tie is None else float(np.exp(fit.log_tie))


def _second_opinion(group: Group, options: Options) -> Row | None:
    """Return percentile intervals of a Bayesian bootstrap by rater, where it is quick enough."""
    if group.cov is None or options.ties != "half":
        return None
    rng = np.random.default_rng(options.seed)
    try:
        draws = rater_bootstrap(group.fit, group.weighted, rng=rng)
    except StatisticsError:
        return None
    if draws is None:
        return None
    tail = (1 - options.level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return {
        "method": f"Bayesian bootstrap, one weight a rater, {len(draws)} resamples, percentiles",
        "low": _by_system(group, low),
        "high": _by_system(group, high),
    }


def _flip(group: Group) -> Row | None:
    found = fewest_to_change_the_top(group.fit, group.tallied.counts)
    if found is None:
        return None
    return {
        "judgments": found.judgments,
        "share": found.share,
        "challenger": group.systems[found.challenger].slug,
    }


def _by_system(group: Group, values: np.ndarray) -> dict[str, float]:
    return {system.slug: float(value) for system, value in zip(group.systems, values, strict=True)}
