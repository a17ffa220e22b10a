"""What tables of the page and of Markdown alike show, as text."""

from __future__ import annotations

from typing import Any

Report = dict[str, Any]
Table = dict[str, Any]

NOTHING = "\N{EN DASH}"


def difference_rows(report: Report) -> list[dict[str, str]]:
    """Return the differences of mean scores with their p-values, in words."""
    names = {row["system"]: row["name"] for row in report["standings"]}
    return [
        {
            "name": f"{names[row['a']]} over {names[row['b']]}",
            "difference": f"{row['difference']:.2f}",
            "range": _range(row),
            "p": _p(row["p"]),
            "p_holm": _p(row["p_holm"]),
            "decided": "yes" if is_decided(row, report) else "no",
            "prompts": f"{row['prompts']:,}",
        }
        for row in report.get("differences", [])
    ]


def is_decided(row: dict[str, Any], report: Report) -> bool:
    """Return whether a difference is beyond chance when all are tested at once."""
    return row["p_holm"] is not None and row["p_holm"] < 1 - report["method"]["level"]


def agreement_table(report: Report) -> Table:
    """Return who agrees with whom and how often; no rows where nobody can."""
    is_pairwise = report["protocol"] == "pairwise"
    same = ["Same verdict", "Neither a tie"] if is_pairwise else ["Same score", "Within one"]
    metric = "nominal" if is_pairwise else "ordinal"
    rows = []
    raw = report.get("raw_agreement")
    if raw:
        rows.append(_agreement_row("Raters among each other", raw, report["agreement"]))
    for judge in report.get("judges", []):
        rows.append(_agreement_row(f"{judge['judge']} with raters", judge, judge["alpha"]))
        if judge["people"]["tasks"]:
            rows.append(_agreement_row("Raters on the same tasks", judge["people"], None))
    return {"columns": [*same, f"Alpha, {metric}", "Tasks"], "rows": rows}


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
        "value": f"{cell['value']:.2f}".replace("-", "\N{MINUS SIGN}"),
        "range": _range(cell).replace("-", "\N{MINUS SIGN}"),
        "judgments": f"{cell['judgments']:,}",
    }


def _agreement_row(name: str, raw: dict[str, Any], alpha: dict[str, Any] | None) -> dict[str, Any]:
    second = raw["within_one"] or raw["without_ties"]
    value = alpha and {"value": alpha.get("value", alpha.get("alpha")), **alpha}
    return {
        "name": name,
        "cells": [
            _share(raw["with_ties"]),
            _share(second),
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
    return "" if row["low"] is None else f" ({row['low']:{form}} to {row['high']:{form}})"


def _range(row: dict[str, Any]) -> str:
    return NOTHING if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}"


def _p(p: float | None) -> str:
    if p is None:
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
