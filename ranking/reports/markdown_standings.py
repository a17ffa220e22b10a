"""Standings and all that goes with a fit, as Markdown: of a report, and of each criterion."""

from __future__ import annotations

from typing import Any

from ranking.reports.heat import heat_table
from ranking.reports.markdown_text import level_of, safe, text_table
from ranking.reports.measures import measure_of
from ranking.reports.shown import (
    agreement_in_words,
    difference_rows,
    null_row,
    scored_pair_table,
)
from ranking.reports.standings import standings_table

Report = dict[str, Any]


def standings_in_text(report: Report, part: Report) -> str:
    if not part["standings"]:
        return "Not enough data yet." if report["counts"]["judgments"] else "No judgments yet."
    table, level = standings_table(report, part), level_of(report)
    counted = [i for i, column in enumerate(table["columns"]) if column["is_counted"]]
    rows = [
        [
            str(row["rank"]),
            row["ranks"],
            safe(row["name"]),
            row["value"],
            row["range"],
            *[_counted(row["cells"][i]) for i in counted],
            str(row["judgments"]),
        ]
        for row in table["rows"]
    ]
    more = [table["columns"][i]["title"] for i in counted]
    header = ["Rank", level, "System", table["short"], level, *more, "Judgments"]
    return text_table(header, rows, right=(0, 1, *range(3, len(header))))


def _counted(cell: dict[str, str]) -> str:
    return f"{cell['text']} ({cell['range']})" if cell["range"] else cell["text"]


def apart_in_text(report: Report) -> list[str]:
    measure = measure_of(report)
    rows = [
        [
            safe(row["label"]),
            measure.said(row["mos"]),
            measure.range(row),
            str(row["judgments"]),
        ]
        for row in report.get("apart") or []
    ]
    header = ["Apart, never ranked", measure.short, level_of(report), "Judgments"]
    return [text_table(header, rows, right=(1, 2, 3))] if rows else []


def scored_pairs_in_text(report: Report, part: Report, heading: str) -> list[str]:
    table = scored_pair_table(report, part, measure_of(part))
    if not table["rows"]:
        return []
    rows = [
        [
            safe(row["name"]),
            *[row[key] for key in ("mean", "range", "expected", "p_holm", "decided")],
            *[str(cell["count"]) for cell in row["distribution"]],
        ]
        for row in table["rows"]
    ]
    header = ["Pair", "Mean", level_of(report), "On the line", "p, Holm", "Decided"]
    header += table["columns"]
    found = [heading, text_table(header, rows, right=range(1, len(header)))]
    null = null_row(part)
    if null:
        found.append(
            f"Null pairs: what came second got {null['mean']} ({null['range']}) in "
            f"{null['judgments']} judgments."
        )
    return found


def criteria_in_text(report: Report) -> list[str]:
    """Return the systems by criteria, then each criterion's standings."""
    heat = heat_table(report)
    if not heat:
        return []
    header = ["System", *[safe(f"{c['title']} ({c['scale']})") for c in heat["columns"]]]
    rows = [
        [safe(row["name"]), *[f"{cell['value']} ({cell['range']})" for cell in row["cells"]]]
        for row in heat["rows"]
    ]
    found = ["## Systems by criteria", text_table(header, rows, right=range(1, len(header)))]
    for part in report["criteria"]:
        found += [f"### {safe(part['label'])}", standings_in_text(report, part)]
        found += differences_in_text(report, part)
        agreed = agreement_in_words(report, part)
        if agreed:
            found.append(f"Agreement of raters: {agreed}.")
    return found


def strength_in_text(report: Report) -> list[str]:
    part = report.get("strength")
    if not part:
        return []
    return [
        "## How strong preferences are",
        safe(measure_of(part).note),
        standings_in_text(report, part),
        *scored_pairs_in_text(report, part, "### Each pair"),
    ]


def differences_in_text(report: Report, part: Report) -> list[str]:
    """Return the differences of means as a table; nothing where there are none."""
    if not part.get("differences"):
        return []
    header = ["Pair", "Difference", level_of(report), "p", "p, Holm", "Decided", "Prompts"]
    rows = [[safe(value) for value in row.values()] for row in difference_rows(report, part)]
    return [text_table(header, rows, right=range(1, 7))]
