"""The raters of a report as a table: what each weighs and does, in what the protocol can say."""

from __future__ import annotations

from typing import Any

from ranking.reports.measures import NOTHING, Measure, measure_of

Report = dict[str, Any]
Table = dict[str, Any]

_INFLUENCE = (
    "Influence: a rater's part of what the result varies by. Largest shift: how far a {value} "
    "moves without the rater."
)
_VALUES = {"win_rate": "win rate", "cmos": "score"}
_DISCRIMINATION = " Discrimination: 1 judges as the others do, 0 at random, below 0 against them."
_BIAS = (
    " Bias: how much higher than others the rater scores. Inconsistency: the standard deviation "
    "of what is left."
)


def rater_table(report: Report) -> Table:
    """Return the raters as text, in the order of the report."""
    rows, measure = report.get("raters") or [], measure_of(report)
    has_bias = any(row.get("bias") is not None for row in rows)
    is_telling = any("discrimination" in row for row in rows)
    more = [("Bias", False), ("Inconsistency", True)] if has_bias else []
    more = [("Discrimination", False), ("95%", True)] if is_telling else more
    note = _INFLUENCE.format(value=_VALUES.get(measure.key, "mean"))
    note += _DISCRIMINATION if is_telling else _BIAS if has_bias else ""
    return {
        "note": note,
        "columns": [
            {"title": title, "is_hidden": is_hidden}
            for title, is_hidden in [("Influence", False), ("Largest shift", True), *more]
        ],
        "rows": [
            {
                "rater": row["rater"],
                "is_reversed": row.get("is_reversed", False),
                "judgments": row["judgments"],
                "cells": [
                    {"text": text, "is_hidden": is_hidden}
                    for text, is_hidden in _cells(row, measure, has_bias, is_telling)
                ],
            }
            for row in rows
        ],
    }


def _cells(
    row: Report, measure: Measure, has_bias: bool, is_telling: bool
) -> list[tuple[str, bool]]:
    found = [
        (f"{100 * row['influence']:.1f}%", False),
        (measure.said(row["largest_shift"]), True),
    ]
    if is_telling:
        reach = f"{_said(row['low'])} \N{EN DASH} {_said(row['high'])}"
        found += [(_said(row["discrimination"]), False), (reach, True)]
    elif has_bias:
        found += [(_said(row["bias"]), False), (_said(row["inconsistency"]), True)]
    return found


def _said(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
