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

CCR = (
    "system", "name", "group", "rank", "rank_low", "rank_high", "cmos", "cmos_low", "cmos_high",
    "cmos_se", "best", "judgments", "better", "same", "worse",
)  # fmt: skip
BEST_WORST = (
    "system", "name", "group", "rank", "rank_low", "rank_high", "strength", "strength_se",
    "win_rate", "win_rate_low", "win_rate_high", "bound", "best", "judgments", "times_best",
    "times_worst", "best_less_worst", "best_less_worst_low", "best_less_worst_high",
)  # fmt: skip
COLUMNS = {"pairwise": PAIRWISE, "ccr": CCR, "best_worst": BEST_WORST}
PLAIN = ("table", "name", "measure", "mean", "low", "high", "judgments")


def report_csv(report: dict[str, Any]) -> str:
    """Return the standings, one line a system, and a column for each benchmark score.

    Where there are criteria each has its own lines, on its own scale, after those of all; what
    stands apart comes last, without a rank. Where nothing is ranked: the means, one a line.
    """
    if report.get("tables") and not report["standings"]:
        return "".join(csv_lines(PLAIN, _plain(report)))
    scores = _scores(report)
    columns = [*COLUMNS.get(report["protocol"], MOS)]
    extra = sorted({column for values in scores.values() for column in values})
    records = [{**row, **scores.get(row["system"], {})} for row in report["standings"]]
    criteria = report.get("criteria") or []
    for part in criteria:
        records += [{"criterion": part["label"], **row} for row in part["standings"]]
    records += [{"name": row["label"], **row} for row in report.get("apart") or []]
    header = [*(("criterion",) if criteria else ()), *columns, *extra]
    return "".join(csv_lines(header, records))


def _plain(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one record a mean."""
    return [
        {
            "table": table["title"],
            "name": row["name"],
            "measure": column,
            **{"mean": cell["value"], "low": cell["low"], "high": cell["high"]},
            "judgments": cell["judgments"],
        }
        for table in report["tables"]
        for row in table["rows"]
        for column, cell in zip(table["columns"], row["cells"], strict=True)
        if cell
    ]


def _scores(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    for row in report["benchmarks"]:
        name = f"{row['benchmark']}: {row['metric']}"
        name += f", {row['filter']}" if row["filter"] not in ("", "none") else ""
        scores.setdefault(row["system"], {})[name] = row["value"]
        if row["stderr"] is not None:
            scores[row["system"]][f"{name} (standard error)"] = row["stderr"]
    return scores
