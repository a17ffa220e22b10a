"""What each rater did to a pairwise report."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranking.comparisons import StudyCells
from ranking.reports.fit_rows import LISTED, influence_row, most_influential
from ranking.reports.groups import Group
from ranking.reports.options import Options
from ranking.stats.discrimination import discriminations

Row = dict[str, Any]


def rater_rows(cells: StudyCells, fitted: list[Group], options: Options) -> list[Row]:
    """Return the raters of the largest group: their share, influence and discrimination."""
    if not fitted:
        return []
    group, cov, influence = fitted[0], fitted[0].cov, fitted[0].influence
    if cov is None or influence is None:
        return []
    judged = np.bincount(group.tallied.rater, group.tallied.count, group.tallied.raters)
    weight = np.bincount(group.weighted.rater, group.weighted.count, group.weighted.raters)
    found = discriminations(group.fit, cov, group.tallied, level=options.level)
    order = most_influential(influence)
    # The reversed ones always are.
    listed = set(order[:LISTED]) | set(np.flatnonzero(found.is_reversed))
    return [
        {
            **influence_row(cells.labels.rater_names[group.raters[r]], influence, r),
            "judgments": int(judged[r]),
            "weight": float(weight[r] / weight.sum()),
            "discrimination": float(found.value[r]),
            "low": float(found.low[r]),
            "high": float(found.high[r]),
            "is_reversed": bool(found.is_reversed[r]),
        }
        for r in order
        if r in listed
    ]


def reversed_warning(rows: list[Row]) -> list[str]:
    """Say how many raters judge against the others beyond doubt; the table names them."""
    against = sum(row["is_reversed"] for row in rows)
    if not against:
        return []
    return [
        f"Raters who judge against the others beyond doubt, perhaps with sides mixed up: {against}."
    ]
