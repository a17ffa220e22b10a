"""The standings as CSV that a spreadsheet can open without danger."""

from __future__ import annotations

from typing import Any

from evalsite.lib.tabular import csv_lines

PAIRWISE = (
    "system", "name", "group", "rank", "rank_low", "rank_high", "strength", "strength_se",
    "win_rate", "win_rate_low", "win_rate_high", "bound", "best", "acceptability",
    "acceptability_low", "acceptability_high", "judgments", "wins", "losses", "ties", "both_bad",
)  # fmt: skip
MOS = (
    "system", "name", "rank", "rank_low", "rank_high", "mos", "mos_low", "mos_high", "mos_se",
    "mos_corrected", "sd", "best", "judgments", "raters", "rank_low_without_a_rater",
    "rank_high_without_a_rater",
)  # fmt: skip

PLAIN = ("table", "name", "measure", "mean", "low", "high", "judgments")


def report_csv(report: dict[str, Any]) -> str:
    """Return the standings, one line a system, and a column for each benchmark score.

    Where nothing is ranked: the means, one a line.
    """
    if report.get("tables") and not report["standings"]:
        return "".join(csv_lines(PLAIN, _plain(report)))
    scores = _scores(report)
    columns = [*(PAIRWISE if report["protocol"] == "pairwise" else MOS)]
    extra = sorted({column for values in scores.values() for column in values})
    records = [{**row, **scores.get(row["system"], {})} for row in report["standings"]]
    header = [*columns, *extra]
    return "".join(csv_lines([_safe(c) for c in header], _renamed(records, header)))


def _plain(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one record a mean."""
    return [
        {
            "table": _safe(table["title"]),
            "name": _safe(row["name"]),
            "measure": _safe(column),
            **{"mean": cell["value"], "low": cell["low"], "high": cell["high"]},
            "judgments": cell["judgments"],
        }
        for table in report["tables"]
        for row in table["rows"]
        for column, cell in zip(table["columns"], row["cells"], strict=True)
        if cell
    ]


def _renamed(records: list[dict[str, Any]], header: list[str]) -> list[dict[str, Any]]:
    return [{_safe(c): _safe(record.get(c)) for c in header} for record in records]


def _scores(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    for row in report["benchmarks"]:
        name = f"{row['benchmark']}: {row['metric']}"
        name += f", {row['filter']}" if row["filter"] not in ("", "none") else ""
        scores.setdefault(row["system"], {})[name] = row["value"]
        if row["stderr"] is not None:
            scores[row["system"]][f"{name} (standard error)"] = row["stderr"]
    return scores


def _safe(value: Any) -> Any:
    """Keep a spreadsheet from taking a name for a formula."""
    if value is None:
        return ""
    is_formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_formula else value
