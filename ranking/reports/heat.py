"""Systems by criteria, in one table: what each criterion says of each system, and how strongly."""

from __future__ import annotations

from typing import Any

from ranking.reports.measures import NOTHING, Measure, measure_of

Report = dict[str, Any]
Table = dict[str, Any]

#: Shades of a colour on either side of the middle of a scale.
SHADES = 4


def heat_table(report: Report) -> Table | None:
    """Return a row for each system in the order of the standings; None without criteria.

    Colours go by each criterion's own scale, from its middle, so that unlike scales can stand
    side by side; numbers stay on the scale that raters saw.
    """
    criteria = [part for part in report.get("criteria", []) if part["standings"]]
    if not criteria:
        return None
    parts = [report, *criteria]
    measures = [measure_of(part) for part in parts]
    found = [{row["system"]: row for row in part["standings"]} for part in parts]
    return {
        "columns": [
            {"title": "Overall", "scale": _scale(measures[0])},
            *(
                {"title": part["label"], "scale": _scale(measure)}
                for part, measure in zip(criteria, measures[1:], strict=True)
            ),
        ],
        "rows": [
            {
                "name": row["name"],
                "cells": [
                    _cell(rows.get(row["system"]), measure)
                    for rows, measure in zip(found, measures, strict=True)
                ],
            }
            for row in report["standings"]
        ],
    }


def _scale(measure: Measure) -> str:
    if measure.is_share:
        return measure.short.lower()
    unit = "%" if measure.high == 100 else ""
    return f"{measure.low:g} to {measure.high:g}{unit}"


def _cell(row: Report | None, measure: Measure) -> Table:
    if row is None:
        return {"value": NOTHING, "range": "", "rank": "", "shade": "level"}
    return {
        "value": measure.said(row[measure.key]),
        "range": measure.range(row),
        "ranks": f"rank {row['rank_low']}\N{EN DASH}{row['rank_high']}",
        "shade": _shade(row[measure.key], measure),
    }


def _shade(value: float, measure: Measure) -> str:
    middle = (measure.low + measure.high) / 2
    lean = (value - middle) / (measure.high - middle)
    step = min(round(abs(lean) * SHADES), SHADES)
    return f"above-{step}" if lean > 0 and step else f"below-{step}" if step else "level"
