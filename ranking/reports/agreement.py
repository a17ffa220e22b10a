"""Do raters agree with each other, and do automated judges agree with them?"""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.models import Study
from ranking.comparisons import StudyCells, task_numbers, value_counts
from ranking.reports.options import Options
from ranking.stats.agreement import interval_metric, krippendorff_alpha, nominal

Row = dict[str, Any]


def agreement_rows(cells: StudyCells, options: Options) -> Row:
    """Return Krippendorff's alpha of the people's judgments; None where nothing repeats."""
    is_pairwise = cells.study.protocol == Study.Protocol.PAIRWISE
    counted = cells.people(part=options.part)
    task = task_numbers(counted)
    tasks = int(task[-1]) + 1 if len(task) else 0
    table = value_counts(counted, is_pairwise=is_pairwise, task=task, tasks=tasks)
    places = np.arange(table.shape[1], dtype=float)
    distance = nominal(places) if is_pairwise else interval_metric(places)
    rng = np.random.default_rng(options.seed)
    alpha = krippendorff_alpha(table, distance, rng=rng, level=options.level)
    if alpha is None:
        return {"agreement": None}
    return {
        "agreement": {
            "alpha": alpha.value,
            "low": alpha.low,
            "high": alpha.high,
            "metric": "nominal" if is_pairwise else "interval",
        }
    }
