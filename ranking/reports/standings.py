"""Standings as a table that the page and Markdown alike show, with a plot of the intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ranking.reports.measures import NOTHING, Measure, measure_of

Report = dict[str, Any]
Table = dict[str, Any]

#: The plot's inner width in its own units; labels of the axis stand at whole steps.
WIDTH = 400.0
MAX_TICKS = 5
#: Steps of an axis, by the whole length of the scale.
_STEPS = ((1, 0.1), (4, 0.5), (10, 1), (1000, 10))

#: What the judgments themselves say, so that text has it as well.
COUNTED = ("best_share", "worst_share", "best_less_worst", "better", "same", "worse")

_TIES = "How many other systems it cannot be told apart from, all pairs taken together"
_BEST = "How often the system comes out first when the judgments vary as they may"
_ACCEPTABLE = "Share of its judgments that did not call both outputs bad"
_CORRECTED = (
    "With each rater's bias taken off and raters weighed by consistency (ITU-T P.913, 12.6)"
)
_PICKED = "How often raters picked it as that, of the times shown"
_COUNT_SCORE = "The count score: times best less times worst, over times shown"


def standings_table(report: Report, part: Report) -> Table:
    """Return a part's standings; the part may be the whole report or one criterion of it."""
    measure, rows = measure_of(part), part["standings"]
    columns = [column for column in _columns(report, measure) if column.is_in(rows)]
    return {
        "title": measure.title,
        "note": measure.note,
        "short": measure.short,
        "has_groups": len(part["groups"]) > 1,
        "has_intervals": any(row[f"{measure.key}_low"] is not None for row in rows),
        "plot": interval_plot(rows, measure),
        "columns": [
            {"title": c.title, "hint": c.hint, "is_counted": c.key in COUNTED} for c in columns
        ],
        "rows": [
            {
                **standing_cells(row, measure),
                "cells": [{"text": c.said(row), "range": c.range(row)} for c in columns],
            }
            for row in rows
        ],
    }


def standing_cells(row: Report, measure: Measure) -> Table:
    """Return what every table of standings shows of a row, as text."""
    return {
        "system": row["system"],
        "name": row["name"],
        "group": row["group"],
        "rank": row["rank"],
        "ranks": f"{row['rank_low']}\N{EN DASH}{row['rank_high']}",
        "value": measure.said(row[measure.key]),
        "range": measure.range(row),
        "judgments": row["judgments"],
    }


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A column that some reports have: shown where any row has a value."""

    title: str
    key: str
    hint: str
    form: str
    has_range: bool = False

    def is_in(self, rows: list[Report]) -> bool:
        return any(row.get(self.key) is not None for row in rows)

    def said(self, row: Report) -> str:
        value = row.get(self.key)
        if value is None:
            return NOTHING
        text = f"{len(value) if isinstance(value, list) else value:{self.form}}"
        return text.replace("-", "\N{MINUS SIGN}")

    def range(self, row: Report) -> str:
        low, high = (row.get(f"{self.key}_{end}") for end in ("low", "high"))
        if not self.has_range or low is None:
            return ""
        return f"{low:{self.form}} to {high:{self.form}}".replace("-", "\N{MINUS SIGN}")


def _columns(report: Report, measure: Measure) -> list[_Column]:
    """Return the columns that a report may have; which of them it has is in its rows."""
    spread = f".{measure.digits}f"
    found = [
        ("Ties with", "tied_with", _TIES, "d"),
        ("Best", "best", _BEST, ".0%"),
        ("Acceptable", "acceptability", _ACCEPTABLE, ".0%"),
        ("Corrected", "mos_corrected", _CORRECTED, spread),
        ("SD", "sd", "Standard deviation of its scores", spread),
        ("Best", "best_share", _PICKED, ".0%"),
        ("Worst", "worst_share", _PICKED, ".0%"),
        ("Best less worst", "best_less_worst", _COUNT_SCORE, ".2f"),
        ("Better", "better", "Judgments that put it above the other", "d"),
        ("Same", "same", "Judgments that put neither above the other", "d"),
        ("Worse", "worse", "Judgments that put it below the other", "d"),
    ]
    left_out = set()
    if report["protocol"] != "pairwise" or not measure.is_share:
        # Of use where systems are many; means have a table of differences.
        left_out.add("tied_with")
    if report["protocol"] == "best_worst":
        left_out.add("best")
    return [
        _Column(title=title, key=key, hint=hint, form=form, has_range=key == "best_less_worst")
        for title, key, hint, form in found
        if key not in left_out
    ]


def interval_plot(rows: list[Report], measure: Measure) -> Table:
    """Place each standing's value and interval on one shared axis."""
    key = measure.key
    ends = [
        row[k] for row in rows for k in (key, f"{key}_low", f"{key}_high") if row[k] is not None
    ]
    whole = measure.low, measure.high
    step = next(step for most, step in _STEPS if whole[1] - whole[0] <= most)
    low = max(whole[0], step * ((min(ends) if ends else whole[0]) // step))
    high = min(whole[1], step * ((max(ends) if ends else whole[1]) // step + 1))

    def x(value: float) -> float:
        return round(WIDTH * (value - low) / max(high - low, step), 1)

    steps = round((high - low) / step)
    # Labels on a narrow screen must not touch.
    ticks = [low + step * i for i in range(0, steps + 1, -(-max(steps, 1) // MAX_TICKS))]
    middle = measure.middle
    return {
        "width": WIDTH,
        "rows": {
            row["system"]: {
                "x": x(row[key]),
                "low": None if row[f"{key}_low"] is None else x(max(row[f"{key}_low"], low)),
                "high": None if row[f"{key}_high"] is None else x(min(row[f"{key}_high"], high)),
            }
            for row in rows
        },
        "ticks": [{"x": x(tick), "label": _tick(tick, measure, step)} for tick in ticks],
        "middle": x(middle) if middle is not None and low <= middle <= high else None,
        "middle_label": "" if middle is None else f"{100 * middle:g}%" if measure.is_share else "0",
    }


def _tick(value: float, measure: Measure, step: float) -> str:
    if measure.is_share:
        return f"{100 * value:.0f}"
    text = f"{value + 0.0:.{0 if step >= 1 else 1}f}"
    return text.replace("-", "\N{MINUS SIGN}")
