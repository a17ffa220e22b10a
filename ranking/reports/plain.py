"""Tables of means and counts, for what no model is fitted to yet."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.protocols import protocol_of
from annotation.protocols.ccr import MOST as MOST_CCR
from annotation.protocols.likert import Likert
from annotation.protocols.pairwise import Pairwise
from annotation.protocols.parts import HIGHEST
from ranking.comparisons import StudyCells
from ranking.reports.options import Options
from ranking.rollups import HIDDEN, Cells
from ranking.stats.counts import LEFT_A, LEFT_UNKNOWN, WORTH, Floats
from ranking.stats.plain import plain_mean

Row = dict[str, Any]
Chosen = NDArray[np.bool_]

CCR = (-MOST_CCR, MOST_CCR)
HIDDEN_NAMES = {
    "reference": "Hidden reference",
    "anchor_7000": "Mid anchor, 7 kHz",
    "anchor_3500": "Low anchor, 3.5 kHz",
}
#: Protocols whose judgments are fitted and ranked; the others have tables only.
FITTED = ("pairwise", "mos", "dcr")


def plain_part(cells: StudyCells, options: Options) -> Row:
    """Return the part of a report without a fit: tables, and no standings."""
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
        "tables": plain_tables(cells, options),
        "warnings": [],
    }


def plain_tables(cells: StudyCells, options: Options) -> list[Row]:
    """Return the tables of the study's protocol; none where it has none, or without judgments."""
    make = TABLES.get(cells.study.protocol)
    answers = cells.answers(part=options.part)
    if make is None or len(answers.rows) == 0:
        return []
    return [table for table in make(cells, answers, options.level) if table["rows"]]


def _ccr(cells: StudyCells, answers: Cells, level: float) -> list[Row]:
    values = protocol_of(cells.study).values
    a, b = answers.column("a"), answers.column("b")
    score = (answers.column("answer") % values - MOST_CCR).astype(float)
    left = answers.column("answer") // values
    pairs = [
        _row(
            f"{cells.systems[i].name} over {cells.systems[j].name}",
            [_cell(answers, (a == i) & (b == j), score, level, CCR)],
        )
        for i, j in combinations(range(len(cells.systems)), 2)
    ]
    each = [
        _row(
            system.name,
            [_cell(answers, (a != b) & ((a == i) | (b == i)), sign * score, level, CCR)],
        )
        for i, system in enumerate(cells.systems)
        for sign in [np.where(a == i, 1.0, -1.0)]
    ]
    # What came second against what came first: the same output, so nothing but the order counts.
    second = np.where(left == LEFT_A, -1.0, 1.0) * score
    same = _cell(answers, (a == b) & (left != LEFT_UNKNOWN), second, level, CCR)
    return [
        _table("Against the other systems, from -3 to +3", ["Mean"], each),
        _table("Pairs, from -3 to +3", ["Mean"], pairs),
        _table(
            "Null pairs: one output twice", ["Mean"], [_row("The second over the first", [same])]
        ),
    ]


def _likert(cells: StudyCells, answers: Cells, level: float) -> list[Row]:
    criteria = Likert.of(cells.study).criteria
    score = answers.column("answer").astype(float)
    a, question = answers.column("a"), answers.column("question")
    rows = [
        _row(
            system.name,
            [
                _cell(answers, (a == i) & (question == q), score, level, (1, len(c.words)))
                for q, c in enumerate(criteria)
            ],
        )
        for i, system in enumerate(cells.systems)
    ]
    return [_table("By criterion", [f"{c.label} (1 to {len(c.words)})" for c in criteria], rows)]


def _mushra(cells: StudyCells, answers: Cells, level: float) -> list[Row]:
    score = answers.column("answer").astype(float)
    a = answers.column("a")
    names = {i: system.name for i, system in enumerate(cells.systems)}
    rows = [
        _row(name, [_cell(answers, a == i, score, level, (0, HIGHEST))])
        for i, name in names.items()
    ]
    hidden = [
        _row(name, [_cell(answers, a == HIDDEN[role], score, level, (0, HIGHEST))])
        for role, name in HIDDEN_NAMES.items()
    ]
    return [
        _table("Scores, from 0 to 100", ["Mean"], rows),
        _table("Hidden reference and anchors, from 0 to 100", ["Mean"], hidden),
    ]


def _best_worst(cells: StudyCells, answers: Cells, level: float) -> list[Row]:
    chosen = answers.column("answer")
    best, worst = (chosen == 1).astype(float), (chosen == 2).astype(float)
    a = answers.column("a")
    rows = [
        _row(
            system.name,
            [
                _cell(answers, a == i, best, level, (0, 1)),
                _cell(answers, a == i, worst, level, (0, 1)),
                _cell(answers, a == i, best - worst, level, (-1, 1)),
            ],
        )
        for i, system in enumerate(cells.systems)
    ]
    return [_table("Shares of the times shown", ["Best", "Worst", "Best less worst"], rows)]


def _criteria(cells: StudyCells, answers: Cells, level: float) -> list[Row]:
    """Return the plain shares of wins by each criterion of a pairwise study, ties as half."""
    criteria = Pairwise.of(cells.study).criteria
    worth = WORTH[answers.column("answer") % len(WORTH)]
    questions = range(1, len(criteria) + 1)
    rows = [
        _row(
            system.name,
            [
                _cell(
                    answers,
                    (answers.column("question") == question) & ((a == i) | (b == i)),
                    np.where(a == i, worth, 1 - worth),
                    level,
                    (0, 1),
                )
                for question in questions
            ],
        )
        for i, system in enumerate(cells.systems)
        for a, b in [(answers.column("a"), answers.column("b"))]
    ]
    return [_table("Share of wins by criterion", [c.label for c in criteria], rows)]


TABLES: dict[str, Callable[[StudyCells, Cells, float], list[Row]]] = {
    "pairwise": _criteria,
    "ccr": _ccr,
    "likert": _likert,
    "mushra": _mushra,
    "best_worst": _best_worst,
}


def _cell(
    answers: Cells, chosen: Chosen, value: Floats, level: float, scale: tuple[float, float]
) -> Row | None:
    """Return a mean of the chosen cells; its interval ends where the scale does."""
    found = plain_mean(
        value[chosen],
        answers.column("rater")[chosen],
        answers.column("count")[chosen],
        level=level,
    )
    low, high = scale
    if found is None:
        return None
    return {
        "value": found.mean,
        "low": None if found.low is None else max(found.low, low),
        "high": None if found.high is None else min(found.high, high),
        "judgments": found.judgments,
    }


def _row(name: str, cells: list[Row | None]) -> Row:
    return {"name": name, "cells": cells}


def _table(title: str, columns: list[str], rows: list[Row]) -> Row:
    """Return a table of the rows in which anything was judged."""
    return {
        "title": title,
        "columns": columns,
        "rows": [row for row in rows if any(cell is not None for cell in row["cells"])],
    }
