"""Do raters favour a side?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit

from ranking.reports.groups import Group
from ranking.reports.options import Options
from ranking.stats.counts import LEFT_A, LEFT_UNKNOWN, WORTH, Comparisons, tally
from ranking.stats.covariates import fit_with_covariates, left_right
from ranking.stats.exceptions import StatisticsError
from ranking.stats.intervals import contrast_intervals
from ranking.stats.sandwich import sandwich

Row = dict[str, Any]


def position_row(fitted: list[Group], options: Options) -> Row | None:
    """Return how often the left would win between equal systems, from the largest group.

    By an intercept in the Bradley-Terry model, so that a strong system that stood left more often
    does not pass for a preference of the side. None where it cannot be told.
    """
    if not fitted:
        return None
    data = _sided(fitted[0].weighted)
    if data is None:
        return None
    try:
        whole = data.of_nobody()
        fit = replace(fit_with_covariates(whole, left_right(whole)), covariates=left_right(data))
        cov = sandwich(fit, data)
    except StatisticsError:
        return None
    contrast = np.zeros((1, fit.parameters))
    contrast[0, -1] = 1
    rng = np.random.default_rng(options.seed)
    found = contrast_intervals(fit.coefficients, contrast, cov, level=options.level, rng=rng)
    return {
        "left_win_rate": float(expit(fit.coefficients[0])),
        "low": float(expit(found.low[0])),
        "high": float(expit(found.high[0])),
        "judgments": _judgments(fitted[0].tallied),
        "observed": _observed(data),
        "largest_share_of_sides": _most_one_sided(fitted[0], data),
    }


def _sided(data: Comparisons) -> Comparisons | None:
    """Return the judgments whose left side is known; None where too few systems remain."""
    known = data.only(data.left != LEFT_UNKNOWN)
    met = known.counts.meetings.sum(axis=1) > 0
    return known if met.all() and len(known.count) else None


def _judgments(data: Comparisons) -> int:
    return int(data.count[data.left != LEFT_UNKNOWN].sum())


def _observed(data: Comparisons) -> float:
    """Return the share of wins of what stood left, a tie counting half."""
    worth = WORTH[data.outcome]
    left = np.where(data.left == LEFT_A, worth, 1 - worth)
    return float((left * data.count).sum() / data.count.sum())


def _most_one_sided(group: Group, data: Comparisons) -> Row:
    """Return the system whose outputs stood on one side most often, and how often left."""
    on_left = np.where(data.left == LEFT_A, data.a, data.b)
    left = tally(on_left, data.count, data.systems)
    shares = left / data.counts.meetings.sum(axis=1)
    i = int(np.argmax(np.abs(shares - 0.5)))
    system = group.systems[i]
    return {"system": system.slug, "name": system.name, "left": float(shares[i])}
