"""The report as Markdown, safe against names that hold markup."""

from __future__ import annotations

import html
import re
from typing import Any

from ranking.reports.heat import heat_table
from ranking.reports.measures import measure_of
from ranking.reports.shown import (
    agreement_in_words,
    agreement_table,
    difference_rows,
    null_row,
    plain_rows,
    scored_pair_table,
)
from ranking.reports.standings import standing_cells, standings_table
from ranking.reports.stopping import listed

Report = dict[str, Any]


def report_markdown(report: Report) -> str:
    """Return the whole report as one Markdown document."""
    agreement = agreement_table(report)
    is_plain = report.get("tables") and not report["standings"]
    parts = [
        f"# {_safe(report['name'])}",
        f"{_safe(report['question'])}",
        f"**{_safe(report['headline'])}**",
        *[f"> {_safe(warning)}" for warning in report["warnings"]],
        *([] if is_plain else ["## Standings", _standings(report, report)]),
        *_apart(report),
        *_tables(report),
        *(["## Pairs", _pairs(report)] if report.get("pairs") else []),
        *(["## Enough judgments?", _stopping(report)] if report.get("stopping") else []),
        *_scored_pairs(report, report, "## Pairs, mean scores"),
        *(["## Differences", _differences(report, report)] if report.get("differences") else []),
        *(["## How often each score was given", _scores(report)] if _has_scores(report) else []),
        *_criteria(report),
        *_strength(report),
        *(["## Agreement", _agreement(agreement)] if agreement["rows"] else []),
        *(["## How far to trust it", _checks(report)] if report.get("checks") else []),
        *(["## At equal length and style", _adjusted(report)] if report.get("adjusted") else []),
        *(["## By part", _slices(report)] if report.get("slices") else []),
        *(["## Benchmarks", _benchmarks(report)] if report["benchmarks"] else []),
        *(["## From all judgments to these", _funnel(report)] if report.get("funnel") else []),
        *(["## Exclusions", _exclusions(report)] if report["exclusions"] else []),
        "## Method",
        _safe(report["method_in_words"]),
        _small_print(report),
    ]
    return "\n\n".join(parts) + "\n"


def _standings(report: Report, part: Report) -> str:
    if not part["standings"]:
        return "Not enough data yet." if report["counts"]["judgments"] else "No judgments yet."
    table, level = standings_table(report, part), _level(report)
    counted = [i for i, column in enumerate(table["columns"]) if column["is_counted"]]
    rows = [
        [
            str(row["rank"]),
            row["ranks"],
            _safe(row["name"]),
            row["value"],
            row["range"],
            *[_counted(row["cells"][i]) for i in counted],
            str(row["judgments"]),
        ]
        for row in table["rows"]
    ]
    more = [table["columns"][i]["title"] for i in counted]
    header = ["Rank", level, "System", table["short"], level, *more, "Judgments"]
    return _table(header, rows, right=(0, 1, *range(3, len(header))))


def _counted(cell: dict[str, str]) -> str:
    return f"{cell['text']} ({cell['range']})" if cell["range"] else cell["text"]


def _level(report: Report) -> str:
    return f"{100 * report['method']['level']:.3g} %"


def _apart(report: Report) -> list[str]:
    measure = measure_of(report)
    rows = [
        [
            _safe(row["label"]),
            measure.said(row["mos"]),
            measure.range(row),
            str(row["judgments"]),
        ]
        for row in report.get("apart") or []
    ]
    header = ["Apart, never ranked", measure.short, _level(report), "Judgments"]
    return [_table(header, rows, right=(1, 2, 3))] if rows else []


def _scored_pairs(report: Report, part: Report, heading: str) -> list[str]:
    table = scored_pair_table(report, part, measure_of(part))
    if not table["rows"]:
        return []
    rows = [
        [
            _safe(row["name"]),
            *[row[key] for key in ("mean", "range", "expected", "p_holm", "decided")],
            *[str(cell["count"]) for cell in row["distribution"]],
        ]
        for row in table["rows"]
    ]
    header = ["Pair", "Mean", _level(report), "On the line", "p, Holm", "Decided"]
    header += table["columns"]
    found = [heading, _table(header, rows, right=range(1, len(header)))]
    null = null_row(part)
    if null:
        found.append(
            f"Null pairs: what came second got {null['mean']} ({null['range']}) in "
            f"{null['judgments']} judgments."
        )
    return found


def _criteria(report: Report) -> list[str]:
    """Return the systems by criteria, then each criterion's standings."""
    heat = heat_table(report)
    if not heat:
        return []
    header = ["System", *[_safe(f"{c['title']} ({c['scale']})") for c in heat["columns"]]]
    rows = [
        [_safe(row["name"]), *[f"{cell['value']} ({cell['range']})" for cell in row["cells"]]]
        for row in heat["rows"]
    ]
    found = ["## Systems by criteria", _table(header, rows, right=range(1, len(header)))]
    for part in report["criteria"]:
        found += [f"### {_safe(part['label'])}", _standings(report, part)]
        if part.get("differences"):
            found.append(_differences(report, part))
        agreed = agreement_in_words(report, part)
        if agreed:
            found.append(f"Agreement of raters: {agreed}.")
    return found


def _strength(report: Report) -> list[str]:
    part = report.get("strength")
    if not part:
        return []
    return [
        "## How strong preferences are",
        _safe(measure_of(part).note),
        _standings(report, part),
        *_scored_pairs(report, part, "### Each pair"),
    ]


def _tables(report: Report) -> list[str]:
    """Return a heading and a table for each of the plain ones."""
    found = []
    for table in plain_rows(report):
        rows = [
            [_safe(row["name"]), *[_mean_in_words(cell) for cell in row["cells"]]]
            for row in table["rows"]
        ]
        header = ["", *[_safe(column) for column in table["columns"]]]
        right = range(1, len(header))
        found += [f"## {_safe(table['title'])}", _table(header, rows, right=right)]
    return found


def _mean_in_words(cell: dict[str, str]) -> str:
    return f"{cell['value']} ({cell['range']}; n {cell['judgments']})" if cell["judgments"] else "–"


def _pairs(report: Report) -> str:
    header = ["a", "b", "Judgments", "a wins", "b wins", "Ties", "Both bad", "a beats b, predicted"]
    rows = [
        [
            _safe(pair["a"]),
            _safe(pair["b"]),
            *[str(pair[key]) for key in ("judgments", "a_wins", "b_wins", "ties", "both_bad")],
            _percent(pair["p_a"]),
        ]
        for pair in report["pairs"]
    ]
    return _table(header, rows, right=range(2, 8))


def _has_scores(report: Report) -> bool:
    return any(row.get("distribution") for row in report["standings"])


def _scores(report: Report) -> str:
    scores = len(report["standings"][0]["distribution"])
    labels = report.get("bins") or [str(score) for score in range(1, scores + 1)]
    rows = [
        [_safe(row["name"]), *[str(n) for n in row["distribution"]]] for row in report["standings"]
    ]
    header = ["System", *labels]
    return _table(header, rows, right=range(1, scores + 1))


def _differences(report: Report, part: Report) -> str:
    header = ["Pair", "Difference", _level(report), "p", "p, Holm", "Decided", "Prompts"]
    rows = [[_safe(value) for value in row.values()] for row in difference_rows(report, part)]
    return _table(header, rows, right=range(1, 7))


def _agreement(table: dict[str, Any]) -> str:
    rows = [[_safe(row["name"]), *map(_safe, row["cells"])] for row in table["rows"]]
    return _table(["Who", *table["columns"]], rows, right=range(1, len(table["columns"]) + 1))


def _benchmarks(report: Report) -> str:
    header = ["System", "Benchmark", "Metric", "Score", "± SE", "Harness", "Task version", "n"]
    rows = [
        [
            _safe(row["name"]),
            _safe(row["benchmark"]),
            _safe(f"{row['metric']}, {row['filter']}" if row["filter"] else row["metric"]),
            f"{row['value']:.3f}",
            "–" if row["stderr"] is None else f"{row['stderr']:.3f}",
            _safe(f"{row['harness']} {row['harness_version']}"),
            _safe(row["task_version"] or "–"),
            str(row["size"] or "–") + (" (limited)" if row["is_limited"] else ""),
        ]
        for row in report["benchmarks"]
    ]
    return _table(header, rows, right=(3, 4, 7))


def _stopping(report: Report) -> str:
    """Every undecided pair up to a page's fill, then those that differ least."""
    names = {row["system"]: row["name"] for row in report["standings"]}
    rows = [
        [
            _safe(names[row["a"]]),
            _safe(names[row["b"]]),
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
    return _table(header, rows, right=(3, 4, 5)) + (f"\n\nAnd {more} more pairs." if more else "")


def _checks(report: Report) -> str:
    return "\n".join(
        f"- **{_safe(row['title'])}.** {_safe(row['says'])}" for row in report["checks"]
    )


def _adjusted(report: Report) -> str:
    rows = [
        [
            _safe(row["name"]),
            _percent(row["raw"]),
            _percent(row["adjusted"]),
            f"{_percent(row['low'])}–{_percent(row['high'])}",
        ]
        for row in report["adjusted"]["win_rates"]
    ]
    effects = [
        [_safe(row["name"]), f"{row['log_odds']:.2f}", f"{row['low']:.2f} to {row['high']:.2f}"]
        for row in report["adjusted"]["effects"]
    ]
    return "\n\n".join(
        [
            _table(["System", "Raw", "Adjusted", "95 %"], rows, right=(1, 2, 3)),
            _table(["One standard deviation more", "Log-odds", "95 %"], effects, right=(1, 2)),
        ]
    )


def _slices(report: Report) -> str:
    measure = measure_of(report)
    header = ["Part", "System", measure.short, _level(report), "Judgments"]
    rows = [
        [
            _safe(f"{part['by']}: {part['value']}"),
            _safe(row["name"]),
            row["value"],
            row["range"],
            str(row["judgments"]),
        ]
        for part in report["slices"]
        for row in (standing_cells(standing, measure) for standing in part["standings"])
    ]
    return _table(header, rows, right=(2, 3, 4))


def _funnel(report: Report) -> str:
    rows = [
        [
            _safe(row["step"]),
            "" if row["raters"] is None else str(row["raters"]),
            "" if row["judgments"] is None else str(row["judgments"]),
        ]
        for row in report["funnel"]
    ]
    return _table(["Step", "Raters", "Judgments"], rows, right=(1, 2))


def _exclusions(report: Report) -> str:
    rows = [
        [_safe(row["rater"]), _safe(row["rule"]), _safe(row["reason"])]
        for row in report["exclusions"]
    ]
    return _table(["Rater", "Rule", "Reason"], rows, right=())


def _small_print(report: Report) -> str:
    plan = f" Plan {report['plan_hash']}." if report["plan_hash"] else ""
    return f"Study `{report['study']}`, made {report['generated_at']}.{plan}"


def _table(header: list[str], rows: list[list[str]], *, right: Any) -> str:
    rule = ["---:" if i in right else "---" for i in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def _safe(text: str) -> str:
    """Escape what Markdown or HTML would act on; line breaks become spaces."""
    flat = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", flat)
