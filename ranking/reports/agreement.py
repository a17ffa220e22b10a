"""Do raters agree with each other, and do automated judges agree with them?"""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.models import Study
from ranking.comparisons import StudyCells, task_keys, task_numbers, value_counts
from ranking.reports.options import Options
from ranking.rollups import Cells
from ranking.stats.agreement import METRICS, Agreement, agreement, agreement_between
from ranking.stats.counts import Floats
from ranking.stats.resampling import RESAMPLES, Resampled

Row = dict[str, Any]

#: The first verdicts are a and b; what follows prefers neither.
_DECISIVE = 2


def agreement_rows(cells: StudyCells, options: Options) -> Row:
    """Return Krippendorff's alpha and raw agreement of the people, and of each judge with them.

    The alpha shown first is nominal for verdicts and ordinal for scores. None where no task was
    judged twice.
    """
    is_pairwise = cells.study.protocol == Study.Protocol.PAIRWISE
    counted = cells.people(part=options.part)
    settings = _settings(is_pairwise, options)
    found = agreement(_table(counted, is_pairwise), **settings)
    return {
        "agreement": _headline(found, is_pairwise),
        "raw_agreement": _raw(found, is_pairwise) if found.tasks else None,
        "judges": [
            _judge(cells, judge, counted, is_pairwise, options)
            for judge in sorted(cells.labels.judges)
        ],
    }


def _settings(is_pairwise: bool, options: Options) -> dict[str, Any]:
    """Return how agreement is measured; the same seed serves each figure."""
    nominal = {"nominal": METRICS["nominal"]}
    return {
        "decisive": _DECISIVE if is_pairwise else 0,
        "metrics": nominal if is_pairwise else METRICS,
        "level": options.level,
        "rng": np.random.default_rng(options.seed),
    }


def _table(cells: Cells, is_pairwise: bool) -> Floats:
    task = task_numbers(cells)
    tasks = int(task[-1]) + 1 if len(task) else 0
    return value_counts(cells, is_pairwise=is_pairwise, task=task, tasks=tasks)


def _headline(found: Agreement, is_pairwise: bool) -> Row | None:
    metric = "nominal" if is_pairwise else "ordinal"
    first = found.alphas.get(metric)
    if first is None:
        return None
    return {
        "alpha": first.value,
        "low": first.low,
        "high": first.high,
        "metric": metric,
        "by_metric": {name: _estimate(alpha) for name, alpha in found.alphas.items()},
        "tasks": found.tasks,
        "resamples": RESAMPLES,
    }


def _raw(found: Agreement, is_pairwise: bool) -> Row:
    """Return how often two judgments of a task are the same; scores also, within one."""
    return {
        "with_ties": _estimate(found.share),
        "without_ties": _estimate(found.decisive_share),
        "within_one": None if is_pairwise else _estimate(found.near_share),
        "tasks": found.tasks,
    }


def _estimate(found: Resampled | None) -> Row | None:
    if found is None:
        return None
    return {"value": found.value, "low": found.low, "high": found.high}


def _judge(
    cells: StudyCells, judge: int, people: Cells, is_pairwise: bool, options: Options
) -> Row:
    """Compare a judge with people on the tasks that both judged, and these people among them."""
    mine = cells.of_judge(judge)
    keys = np.unique(task_keys(mine))
    theirs = people.only(np.isin(task_keys(people), keys))
    tables = [
        value_counts(
            part,
            is_pairwise=is_pairwise,
            task=np.searchsorted(keys, task_keys(part)),
            tasks=len(keys),
        )
        for part in (mine, theirs)
    ]
    found = agreement_between(*tables, **_settings(is_pairwise, options))
    among = agreement(tables[1], **_settings(is_pairwise, options))
    alpha = found.alphas.get("nominal" if is_pairwise else "ordinal")
    return {
        "judge": cells.labels.rater_names[judge],
        "judgments": mine.total,
        "alpha": _estimate(alpha),
        **_raw(found, is_pairwise),
        "people": _raw(among, is_pairwise),
    }
