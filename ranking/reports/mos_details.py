"""What goes with mean opinion scores: differences, an ordinal model, and each rater's part."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranking.reports.fit_rows import influence_rows, most_influential
from ranking.reports.mos_fit import MosFit
from ranking.reports.options import Options
from ranking.stats.differences import paired_differences
from ranking.stats.exceptions import StatisticsError
from ranking.stats.mean_intervals import student_reach
from ranking.stats.ordinal import fit_ordinal
from ranking.stats.ranks import same_order

Row = dict[str, Any]

#: Scales with more points are no ordinal ones.
MOST_POINTS = 10


def difference_rows(fit: MosFit, options: Options) -> list[Row]:
    """Return the pairs' differences, the better one of each pair first."""
    order = np.argsort(-fit.scores.mean, kind="stable")
    rng = np.random.default_rng(options.seed)
    return [
        {
            "a": fit.systems[found.first].slug,
            "b": fit.systems[found.second].slug,
            "difference": found.value,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "p_holm": found.p_holm,
            "prompts": found.prompts,
        }
        for found in paired_differences(fit.data, order, rng=rng, level=options.level)
    ]


def ordinal_row(fit: MosFit, options: Options) -> Row | None:
    """Return whether an ordered probit model keeps the order, and its estimates.

    Where it cannot be fitted there are none, and `reason` says why. None for scores that are not
    a few points.
    """
    scale = fit.data.scale
    if not scale.is_whole or scale.points > MOST_POINTS:
        return None
    try:
        found = fit_ordinal(fit.data)
    except StatisticsError as error:
        return {"same_order": None, "estimates": [], "thresholds": [], "reason": str(error)}
    raters = int(fit.scores.found.judged.any(axis=1).sum())
    half = found.error * float(student_reach(raters - 1, options.level))
    return {
        "same_order": same_order(fit.scores.mean, found.effect),
        "estimates": [
            {
                "system": system.slug,
                "name": system.name,
                "effect": float(found.effect[i]),
                "low": float(found.effect[i] - half[i]),
                "high": float(found.effect[i] + half[i]),
            }
            for i, system in enumerate(fit.systems)
        ],
        "thresholds": found.thresholds.tolist(),
        "reason": "",
    }


def rater_rows(fit: MosFit) -> list[Row]:
    """Return the raters, those with most influence first: bias, inconsistency and influence."""
    if fit.shifts is None:
        return []
    rows = influence_rows(fit.rater_names, fit.judged, fit.shifts)
    order = most_influential(fit.shifts)
    return [{**row, **_bias_row(fit, r)} for row, r in zip(rows, order, strict=False)]


def _bias_row(fit: MosFit, r: int) -> Row:
    if fit.bias is None:
        return {"bias": None, "inconsistency": None}
    return {"bias": float(fit.bias.bias[r]), "inconsistency": float(fit.bias.inconsistency[r])}
