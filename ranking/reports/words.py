"""What the figures say, in sentences."""

from __future__ import annotations

from typing import Any

Report = dict[str, Any]


def headline(report: Report) -> str:
    """Say in one sentence who is preferred, or that it is not decided."""
    standings = [row for row in report["standings"] if row["group"] == 0]
    if not standings:
        return "No judgments yet."
    if len(report["groups"]) > 1:
        return "There is no single order: some systems were never compared."
    best = standings[0]
    if len(standings) == 1:
        return f"{best['name']} is the only system that was judged."
    contenders = [row for row in standings[1:] if row["rank_low"] == 1]
    if contenders or best["rank_high"] > 1:
        return (
            f"First place is not decided: {_listed([best, *contenders])} share it within their "
            "intervals."
            if contenders
            else f"First place is not decided; {best['name']} leads."
        )
    verb = "is preferred" if report["protocol"] == "pairwise" else "is rated best"
    return f"{best['name']} {verb}; first place is decided at the {_percent(_level(report))} level."


def _listed(rows: list[dict[str, Any]]) -> str:
    if len(rows) > 3:
        return f"{rows[0]['name']} and {len(rows) - 1} others"
    names = [row["name"] for row in rows]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def method_in_words(report: Report) -> str:
    """Describe the method so that it can be pasted into a paper."""
    counts, method = report["counts"], report["method"]
    collected = (
        f"{counts['raters']} raters gave {counts['judgments']} judgments on {counts['prompts']} "
        f"prompts; outputs were shown blinded."
    )
    excluded = (
        f" {counts['excluded']} further judgments were excluded, each with a stated reason."
        if counts["excluded"]
        else ""
    )
    if report["protocol"] == "pairwise":
        model = (
            f" Strengths are Bradley-Terry estimates ({method['solver']}) in which a tie, and a "
            f"judgment that both are bad, counts half a win each way ({counts['ties']} ties, "
            f"{counts['both_bad']} both bad). The win rate is the mean predicted probability of "
            f"beating each other system. Sides were balanced by design."
        )
    else:
        model = f" Scores are means on an {method['scale']} scale."
    return (
        f"{collected}{excluded}{model} Intervals: {_percent(_level(report))}, "
        f"{method['interval']}. Rank ranges: {method['ranks']}. Seed {method['seed']}; "
        f"evalsite {report['evalsite_version']}."
    )


def _level(report: Report) -> float:
    return float(report["method"]["level"])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
