"""Means and counts, for a protocol that no model is fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.protocols import protocol_of
from ranking.comparisons import StudyCells
from ranking.reports.options import Options
from ranking.rollups import Cells
from ranking.stats.counts import Floats
from ranking.stats.plain import plain_mean

Row = dict[str, Any]


def plain_part(cells: StudyCells, options: Options) -> Row:
    """Return the part of a report without a fit: a table, and no standings."""
    answers = cells.answers(part=options.part)
    table = _values(cells, answers, options.level)
    return {
        "method": {
            "model": "means and counts",
            "interval": "t, clustered by rater",
            "quantile": "t, raters minus one degrees of freedom",
            "ranks": "none",
            "level": options.level,
            "seed": options.seed,
            "slice": options.part.in_words(),
        },
        "standings": [],
        "groups": [],
        "tables": [table] if table["rows"] else [],
        "warnings": [],
    }


def _values(cells: StudyCells, answers: Cells, level: float) -> Row:
    """Return the means of the first question, one a system that was judged."""
    values = protocol_of(cells.study).values
    a, value = answers.column("a"), (answers.column("answer") % values).astype(float)
    first = answers.column("question") == 0
    means = [
        (system.name, _mean(answers, first & (a == i), value, level, values - 1))
        for i, system in enumerate(cells.systems)
    ]
    return {
        "title": "Answers",
        "columns": ["Mean"],
        "rows": [{"name": name, "cells": [mean]} for name, mean in means if mean],
    }


def _mean(
    answers: Cells, chosen: NDArray[np.bool_], value: Floats, level: float, highest: int
) -> Row | None:
    """Return a mean of the chosen cells; its interval ends where the values do."""
    found = plain_mean(
        value[chosen],
        answers.column("rater")[chosen],
        answers.column("count")[chosen],
        level=level,
    )
    if found is None:
        return None
    return {
        "value": found.mean,
        "low": None if found.low is None else max(found.low, 0),
        "high": None if found.high is None else min(found.high, highest),
        "judgments": found.judgments,
    }
