"""The report as Markdown, safe against names that hold markup."""

from __future__ import annotations

from typing import Any

from ranking.reports.markdown_standings import (
    apart_in_text,
    criteria_in_text,
    differences_in_text,
    scored_pairs_in_text,
    standings_in_text,
    strength_in_text,
)
from ranking.reports.markdown_text import level_of, safe, text_table
from ranking.reports.measures import measure_of
from ranking.reports.shown import (
    agreement_table,
    plain_rows,
)
from ranking.reports.standings import standing_cells
from ranking.reports.stopping import listed

Report = dict[str, Any]


def report_markdown(report: Report) -> str:
    """Return the whole report as one Markdown document."""
    agreement = agreement_table(report)
    is_plain = report.get("tables") and not report["standings"]
    parts = [
        f"# {safe(report['name'])}",
        f"{safe(report['question'])}",
        f"**{safe(report['headline'])}**",
        *[f"> {safe(warning)}" for warning in report["warnings"]],
        *([] if is_plain else ["## Standings", standings_in_text(report, report)]),
        *apart_in_text(report),
        *_tables(report),
        *(["## Pairs", _pairs(report)] if report.get("pairs") else []),
        *(["## Enough judgments?", _stopping(report)] if report.get("stopping") else []),
        *scored_pairs_in_text(report, report, "## Pairs, mean scores"),
        *(["## Differences"] if report.get("differences") else []),
        *differences_in_text(report, report),
        *(["## How often each score was given", _scores(report)] if _has_scores(report) else []),
        *criteria_in_text(report),
        *strength_in_text(report),
        *(["## Agreement", _agreement(agreement)] if agreement["rows"] else []),
        *(["## How far to trust it", _checks(report)] if report.get("checks") else []),
        *(["## At equal length and style", _adjusted(report)] if report.get("adjusted") else []),
        *(["## By part", _slices(report)] if report.get("slices") else []),
        *(["## Benchmarks", _benchmarks(report)] if report["benchmarks"] else []),
        *(["## From all judgments to these", _funnel(report)] if report.get("funnel") else []),
        *(["## Exclusions", _exclusions(report)] if report["exclusions"] else []),
        "## Method",
        safe(report["method_in_words"]),
        _small_print(report),
    ]
    return "\n\n".join(parts) + "\n"


def _tables(report: Report) -> list[str]:
    """Return a heading and a table for each of the plain ones."""
    found = []
    for table in plain_rows(report):
        rows = [
            [safe(row["name"]), *[_mean_in_words(cell) for cell in row["cells"]]]
            for row in table["rows"]
        ]
        header = ["", *[safe(column) for column in table["columns"]]]
        right = range(1, len(header))
        found += [f"## {safe(table['title'])}", text_table(header, rows, right=right)]
    return found


def _mean_in_words(cell: dict[str, str]) -> str:
    return f"{cell['value']} ({cell['range']}; n {cell['judgments']})" if cell["judgments"] else "–"


def _pairs(report: Report) -> str:
    header = ["a", "b", "Judgments", "a wins", "b wins", "Ties", "Both bad", "a beats b, predicted"]
    rows = [
        [
            safe(pair["a"]),
            safe(pair["b"]),
            *[str(pair[key]) for key in ("judgments", "a_wins", "b_wins", "ties", "both_bad")],
            _percent(pair["p_a"]),
        ]
        for pair in report["pairs"]
    ]
    return text_table(header, rows, right=range(2, 8))


def _has_scores(report: Report) -> bool:
    return any(row.get("distribution") for row in report["standings"])


def _scores(report: Report) -> str:
    scores = len(report["standings"][0]["distribution"])
    labels = report.get("bins") or [str(score) for score in range(1, scores + 1)]
    rows = [
        [safe(row["name"]), *[str(n) for n in row["distribution"]]] for row in report["standings"]
    ]
    header = ["System", *labels]
    return text_table(header, rows, right=range(1, scores + 1))


def _agreement(table: dict[str, Any]) -> str:
    rows = [[safe(row["name"]), *map(safe, row["cells"])] for row in table["rows"]]
    return text_table(["Who", *table["columns"]], rows, right=range(1, len(table["columns"]) + 1))


def _benchmarks(report: Report) -> str:
    header = ["System", "Benchmark", "Metric", "Score", "± SE", "Harness", "Task version", "n"]
    rows = [
        [
            safe(row["name"]),
            safe(row["benchmark"]),
            safe(f"{row['metric']}, {row['filter']}" if row["filter"] else row["metric"]),
            f"{row['value']:.3f}",
            "–" if row["stderr"] is None else f"{row['stderr']:.3f}",
            safe(f"{row['harness']} {row['harness_version']}"),
            safe(row["task_version"] or "–"),
            str(row["size"] or "–") + (" (limited)" if row["is_limited"] else ""),
        ]
        for row in report["benchmarks"]
    ]
    return text_table(header, rows, right=(3, 4, 7))


def _stopping(report: Report) -> str:
    """Every undecided pair up to a page's fill, then those that differ least."""
    names = {row["system"]: row["name"] for row in report["standings"]}
    rows = [
        [
            safe(names[row["a"]]),
            safe(names[row["b"]]),
            row["verdict"],
            _signed(row["difference"]),
            "–" if row["low"] is None else f"{_signed(row['low'])} to {_signed(row['high'])}",
            "" if row["more_judgments"] is None else str(row["more_judgments"]),
        ]
        for row in listed(report["stopping"])
    ]
    header = [
        "a",
        "b",
        "Verdict on a",
        "Difference, points",
        "At any time",
        "More judgments, about",
    ]
    more = len(report["stopping"]) - len(rows)
    return text_table(header, rows, right=(3, 4, 5)) + (
        f"\n\nAnd {more} more pairs." if more else ""
    )


def _checks(report: Report) -> str:
    return "\n".join(f"- **{safe(row['title'])}.** {safe(row['says'])}" for row in report["checks"])


def _adjusted(report: Report) -> str:
    rows = [
        [
            safe(row["name"]),
            _percent(row["raw"]),
            _percent(row["adjusted"]),
            f"{_percent(row['low'])}–{_percent(row['high'])}",
        ]
        for row in report["adjusted"]["win_rates"]
    ]
    effects = [
        [safe(row["name"]), f"{row['log_odds']:.2f}", f"{row['low']:.2f} to {row['high']:.2f}"]
        for row in report["adjusted"]["effects"]
    ]
    return "\n\n".join(
        [
            text_table(["System", "Raw", "Adjusted", "95%"], rows, right=(1, 2, 3)),
            text_table(["One standard deviation more", "Log-odds", "95%"], effects, right=(1, 2)),
        ]
    )


def _slices(report: Report) -> str:
    measure = measure_of(report)
    header = ["Part", "System", measure.short, level_of(report), "Judgments"]
    rows = [
        [
            safe(f"{part['by']}: {part['value']}"),
            safe(row["name"]),
            row["value"],
            row["range"],
            str(row["judgments"]),
        ]
        for part in report["slices"]
        for row in (standing_cells(standing, measure) for standing in part["standings"])
    ]
    return text_table(header, rows, right=(2, 3, 4))


def _funnel(report: Report) -> str:
    rows = [
        [
            safe(row["step"]),
            "" if row["raters"] is None else str(row["raters"]),
            "" if row["judgments"] is None else str(row["judgments"]),
        ]
        for row in report["funnel"]
    ]
    return text_table(["Step", "Raters", "Judgments"], rows, right=(1, 2))


def _exclusions(report: Report) -> str:
    rows = [
        [safe(row["rater"]), safe(row["rule"]), safe(row["reason"])] for row in report["exclusions"]
    ]
    return text_table(["Rater", "Rule", "Reason"], rows, right=())


def _small_print(report: Report) -> str:
    plan = f" Plan {report['plan_hash']}." if report["plan_hash"] else ""
    return f"Study `{report['study']}`, made {report['generated_at']}.{plan}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f}"
