"""What tables of the page and of Markdown alike show, as text."""

from __future__ import annotations

from typing import Any

from ranking.reports.measures import NOTHING, Measure, measure_of

Report = dict[str, Any]
Table = dict[str, Any]


def difference_rows(report: Report, part: Report) -> list[dict[str, str]]:
    """Return the differences of mean scores in a part with their p-values, in words."""
    names = {row["system"]: row["name"] for row in part["standings"]}
    digits = measure_of(part).digits
    return [
        {
            "name": f"{names[row['a']]} over {names[row['b']]}",
            "difference": _signed(row["difference"], digits),
            "range": _range(row, digits),
            "p": _p(row["p"]),
            "p_holm": _p(row["p_holm"]),
            "decided": "yes" if is_decided(row, report) else "no",
            "prompts": f"{row['prompts']:,}",
        }
        for row in part.get("differences", [])
    ]


def is_decided(row: dict[str, Any], report: Report) -> bool:
    """Return whether a difference is beyond chance when all are tested at once."""
    return row["p_holm"] is not None and row["p_holm"] < 1 - report["method"]["level"]


def agreement_table(report: Report) -> Table:
    """Return who agrees with whom and how often; no rows where nobody can."""
    rows = []
    raw = report.get("raw_agreement")
    columns = agreement_columns(report)
    if raw:
        rows.append(_agreement_row("Raters among each other", raw, report["agreement"]))
    for judge in report.get("judges", []):
        rows.append(_agreement_row(f"{judge['judge']} with raters", judge, judge["alpha"]))
        if judge["people"]["tasks"]:
            rows.append(_agreement_row("Raters on the same tasks", judge["people"], None))
    return {"columns": columns, "rows": rows}


def agreement_columns(report: Report) -> list[str]:
    """Return the headings; a report that was kept before they were in it has those of its time."""
    judges: list[dict[str, Any]] = report.get("judges") or [{}]
    raw: dict[str, Any] = report.get("raw_agreement") or judges[0]
    is_pairwise = report["protocol"] == "pairwise"
    same = raw.get("same", "Same verdict" if is_pairwise else "Same score")
    near = raw.get("near", "Neither a tie" if is_pairwise else "Within one")
    metric = (report.get("agreement") or {}).get("metric", "nominal" if is_pairwise else "ordinal")
    return [same, *([near] if near else []), f"Alpha, {metric}", "Tasks"]


def agreement_in_words(report: Report, part: Report) -> str:
    """Return the raters' agreement by one criterion; empty where nobody judged the same."""
    raw = part.get("raw_agreement")
    if not raw:
        return ""
    columns = agreement_columns({**part, "protocol": report["protocol"]})
    cells = _agreement_row("", raw, part["agreement"])["cells"]
    known = [
        f"{column.lower()} {cell}"
        for column, cell in zip(columns, cells, strict=True)
        if cell != NOTHING
    ]
    return "; ".join(known)


def scored_pair_table(report: Report, part: Report, measure: Measure) -> Table:
    """Return each pair's mean score with its interval and how often each score was given."""
    rows = [_better_first(row) for row in part.get("scored_pairs") or []]
    names = {row["system"]: row["name"] for row in part["standings"]}
    top = round(measure.high)
    return {
        "columns": [_signed(score, 0) for score in range(-top, top + 1)],
        "rows": [
            {
                "name": f"{names[row['a']]} over {names[row['b']]}",
                "mean": _signed(row["mean"], 2),
                "range": _range(row, 2),
                "expected": _signed(row["expected"], 2),
                "p_holm": _p(row["p_holm"]),
                "decided": "yes" if is_decided(row, report) else "no",
                "judgments": f"{row['judgments']:,}",
                "distribution": [
                    {"count": count, "shade": _shade(count, row["distribution"])}
                    for count in row["distribution"]
                ],
            }
            for row in sorted(rows, key=lambda row: -row["mean"])
        ],
    }


def _better_first(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row turned round where b was put above a."""
    if row["mean"] >= 0:
        return row
    low, high = (None if row[end] is None else -row[end] for end in ("high", "low"))
    return {
        **row,
        **{"a": row["b"], "b": row["a"], "low": low, "high": high},
        **{name: -row[name] for name in ("mean", "expected", "residual")},
        "distribution": row["distribution"][::-1],
    }


def null_row(report: Report) -> Table | None:
    """Return what was given to the second of two that were the same."""
    row = report.get("null_pairs")
    if not row:
        return None
    return {
        "mean": _signed(row["mean"], 2),
        "range": _range(row, 2),
        "judgments": f"{row['judgments']:,}",
    }


def _shade(count: int, counts: list[int]) -> int:
    """Return how dark a count is shown, 0 to 4: its share of the largest one."""
    return -(-4 * count // max(*counts, 1))


def alphas_in_words(report: Report) -> str:
    """Return alpha by each metric where there are several, for instance `nominal 0.74`."""
    found = (report.get("agreement") or {}).get("by_metric") or {}
    if len(found) < 2:
        return ""
    known = [f"{name} {alpha['value']:.2f}" for name, alpha in found.items() if alpha]
    return "Alpha by metric: " + ", ".join(known) + "."


def plain_rows(report: Report) -> list[Table]:
    """Return the tables of means as text: a mean, its interval, and of how many judgments."""
    return [
        {
            "title": table["title"],
            "columns": table["columns"],
            "rows": [
                {"name": row["name"], "cells": [_mean(cell) for cell in row["cells"]]}
                for row in table["rows"]
            ],
        }
        for table in report.get("tables") or []
    ]


def _mean(cell: dict[str, Any] | None) -> dict[str, str]:
    if cell is None:
        return {"value": NOTHING, "range": "", "judgments": ""}
    return {
        "value": _signed(cell["value"], 2),
        "range": _range(cell),
        "judgments": f"{cell['judgments']:,}",
    }


def _agreement_row(name: str, raw: dict[str, Any], alpha: dict[str, Any] | None) -> dict[str, Any]:
    second = raw["within_one"] or raw["without_ties"]
    value = alpha and {"value": alpha.get("value", alpha.get("alpha")), **alpha}
    has_second = raw.get("near", "?") != ""
    return {
        "name": name,
        "cells": [
            _share(raw["with_ties"]),
            *([_share(second)] if has_second else []),
            f"{value['value']:.2f}{_between(value, '.2f')}" if value else NOTHING,
            f"{raw['tasks']:,}",
        ],
    }


def _share(found: dict[str, Any] | None) -> str:
    if not found:
        return NOTHING
    percentages = {k: None if v is None else 100 * v for k, v in found.items()}
    return f"{percentages['value']:.0f}%{_between(percentages, '.0f')}"


def _between(row: dict[str, Any], form: str) -> str:
    if row["low"] is None:
        return ""
    return f" ({row['low']:{form}} to {row['high']:{form}})".replace("-", "\N{MINUS SIGN}")


def _range(row: dict[str, Any], digits: int = 2) -> str:
    if row["low"] is None:
        return NOTHING
    return f"{_signed(row['low'], digits)} to {_signed(row['high'], digits)}"


def _signed(value: float, digits: int) -> str:
    """Write a number with a true minus, and none before nought."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _p(p: float | None) -> str:
    if p is None:
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
