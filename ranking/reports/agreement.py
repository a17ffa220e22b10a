"""Do raters agree with each other, and do automated judges agree with them?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ranking.comparisons import StudyCells, task_keys, task_numbers, value_counts
from ranking.reports.options import Options
from ranking.reports.values import Values, points_of, reader, verdicts_of
from ranking.rollups import Cells
from ranking.stats.agreement import METRICS, Agreement, agreement, agreement_between
from ranking.stats.counts import Floats
from ranking.stats.resampling import RESAMPLES, Resampled

Row = dict[str, Any]


def agreement_rows(cells: StudyCells, options: Options) -> Row:
    """Return Krippendorff's alpha and raw agreement of the people, and of each judge with them.

    The alpha shown first is nominal for verdicts and ordinal for scores. None where no task was
    judged twice, and where there is no value to compare.
    """
    read = reader(cells)
    people = read(cells.answers(part=options.part))
    if people is None:
        return {"agreement": None, "raw_agreement": None, "judges": []}
    return {
        **_among(people, options),
        "judges": [
            _judge(cells, judge, mine, people, options)
            for judge in sorted(cells.labels.judges)
            if (mine := read(cells.of_judge(judge)))
        ],
    }


def criterion_agreement(
    cells: StudyCells, options: Options, question: int, *, points: int | None = None
) -> Row:
    """Return the people's agreement by one criterion: on verdicts, or on scores of `points`."""
    read = verdicts_of(question) if points is None else points_of(question, points)
    people = read(cells.answers(part=options.part))
    return _among(people, options) if people else {"agreement": None, "raw_agreement": None}


def _among(people: Values, options: Options) -> Row:
    found = agreement(_table(people), **_settings(people, options))
    return {
        "agreement": _headline(found, people),
        "raw_agreement": _raw(found, people) if found.tasks else None,
    }


def _settings(values: Values, options: Options) -> dict[str, Any]:
    """Return how agreement is measured; the same seed serves each figure."""
    nominal = {"nominal": METRICS["nominal"]}
    return {
        "decisive": values.decisive,
        "metrics": nominal if values.metric == "nominal" else METRICS,
        "level": options.level,
        "rng": np.random.default_rng(options.seed),
    }


def _table(found: Values) -> Floats:
    task = task_numbers(found.cells)
    tasks = int(task[-1]) + 1 if len(task) else 0
    return value_counts(found.cells, found.value, values=found.values, task=task, tasks=tasks)


def _headline(found: Agreement, values: Values) -> Row | None:
    first = found.alphas.get(values.metric)
    if first is None:
        return None
    return {
        "alpha": first.value,
        "low": first.low,
        "high": first.high,
        "metric": values.metric,
        "by_metric": {name: _estimate(alpha) for name, alpha in found.alphas.items()},
        "tasks": found.tasks,
        "resamples": RESAMPLES,
    }


def _raw(found: Agreement, values: Values) -> Row:
    """Return how often two judgments of a task are the same; scores also, within one."""
    is_ordinal = values.metric == "ordinal"
    return {
        "with_ties": _estimate(found.share),
        "without_ties": _estimate(found.decisive_share),
        "within_one": _estimate(found.near_share) if is_ordinal else None,
        "same": values.same,
        "near": values.near,
        "tasks": found.tasks,
    }


def _estimate(found: Resampled | None) -> Row | None:
    if found is None:
        return None
    return {"value": found.value, "low": found.low, "high": found.high}


def _judge(cells: StudyCells, judge: int, mine: Values, people: Values, options: Options) -> Row:
    """Compare a judge with people on the tasks that both judged, and these people among them."""
    keys = np.unique(task_keys(mine.cells))
    shared = np.isin(task_keys(people.cells), keys)
    tables = [
        _shared(mine.cells, mine.value, mine.values, keys),
        _shared(people.cells.only(shared), people.value[shared], people.values, keys),
    ]
    found = agreement_between(*tables, **_settings(people, options))
    among = agreement(tables[1], **_settings(people, options))
    return {
        "judge": cells.labels.rater_names[judge],
        "judgments": cells.of_judge(judge).of_question(0).total,
        "alpha": _estimate(found.alphas.get(people.metric)),
        **_raw(found, people),
        "people": _raw(among, people),
    }


def _shared(cells: Cells, value: Any, values: int, keys: Any) -> Floats:
    task = np.searchsorted(keys, task_keys(cells))
    return value_counts(cells, value, values=values, task=task, tasks=len(keys))
