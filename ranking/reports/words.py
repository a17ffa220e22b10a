"""What the figures say, in sentences."""

from __future__ import annotations

from typing import Any

from ranking.reports.measures import measure_of

Report = dict[str, Any]


def headline(report: Report) -> str:
    """Say in one sentence who is preferred, or that it is not decided."""
    standings = [row for row in report["standings"] if row["group"] == 0]
    if not standings and report.get("tables"):
        return f"{report['counts']['judgments']} judgments, in means and counts."
    if not standings:
        return "Not enough data yet." if report["counts"]["judgments"] else "No judgments yet."
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
            if contenders and has_intervals(report)
            else f"First place is not decided; {best['name']} leads."
        )
    verb = "is rated best" if measure_of(report).key == "mos" else "is preferred"
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
        f"{_many(counts['raters'], 'rater')} gave {_many(counts['judgments'], 'judgment')} on "
        f"{_many(counts['prompts'], 'prompt')}; outputs were shown blinded."
    )
    excluded = (
        f" {counts['excluded']} further judgments were excluded, each with a stated reason."
        if counts["excluded"]
        else ""
    )
    model = _model(report)
    part = f" This report covers {method['slice']} only." if method.get("slice") else ""
    return (
        f"{collected}{excluded}{part}{model}{_uncertainty(report)} "
        f"Seed {method['seed']}; evalsite {report['evalsite_version']}."
    )


def has_intervals(report: Report) -> bool:
    """Return whether any place in the report's standings has an interval, or it has none at all."""
    rows, end = report["standings"], f"{measure_of(report).key}_low"
    return not rows or any(row[end] is not None for row in rows)


def _uncertainty(report: Report) -> str:
    method = report["method"]
    if not has_intervals(report):
        return " There are no intervals: nothing is known of how far raters differ."
    return (
        f" Intervals: {_percent(_level(report))}, {method['interval']} ({method['quantile']}). "
        f"Rank ranges: {method['ranks']}."
    )


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _model(report: Report) -> str:
    if report["method"]["model"] == "means and counts":
        return " Means are plain ones over all judgments; no model is fitted and nothing is ranked."
    words = {
        "bradley-terry": _pairwise_model,
        "plackett-luce": _best_worst_model,
        "least squares": _line,
    }
    return words.get(report["method"]["model"], _mean_scores)(report)


def _pairwise_model(report: Report) -> str:
    counts, method = report["counts"], report["method"]
    half = method["ties"] == "half"
    ties = (
        "a tie, and a judgment that both are bad, counts half a win each way"
        if half
        else "ties, and judgments that both are bad, have a probability of their own (Davidson, "
        "1970)"
    )
    cap = (
        f" No rater has more than {_percent(method['rater_cap'])} of the weight."
        if method.get("rater_cap")
        else ""
    )
    return (
        f" Strengths are Bradley-Terry estimates ({method['solver']}) in which {ties} "
        f"({counts['ties']} ties, {counts['both_bad']} both bad). The win rate is the mean "
        f"predicted share of wins against each other system.{_weights(method)}{cap}"
        f"{_verdicts(method)}"
    )


def _best_worst_model(report: Report) -> str:
    return (
        f" Strengths are Plackett-Luce estimates ({report['method']['solver']}): naming the best "
        "and the worst ranks what was shown in part, and its probability is that of all rankings "
        "that agree. The win rate is the mean predicted share of rankings in which a system stands "
        "above each other one. Best less worst is the count score of Finn and Louviere (1992)."
    )


def _line(report: Report) -> str:
    method = report["method"]
    position = (
        " with a term for the output shown second, to which null pairs contribute"
        if report.get("position")
        else ""
    )
    return (
        f" Scores are on the scale of {method['scale']}, the second output against the first, and "
        f"recoded to systems. Systems stand where differences of their places are closest to all "
        f"scores (least squares{position}); the value shown is the mean expected score against "
        f"each other system. Steps of the scale are taken to be equally far apart. Each pair: "
        f"{method['differences']}."
    )


def _verdicts(method: dict[str, Any]) -> str:
    if "verdicts" not in method:  # a leaderboard that was kept before there were any
        return ""
    return (
        f" Pairs are called better, worse or equivalent (win rates within {method['margin']:.3g}) "
        f"by a {method['verdicts']}, valid however often one looks."
    )


def _weights(method: dict[str, Any]) -> str:
    weights = method.get("weights")
    if not weights:
        return ""
    return (
        " Pairs were asked adaptively: a first even round, then the pairs that promised to tell "
        "most, a fifth of each round evenly. Each judgment weighs by the inverse probability of "
        f"its task's being asked ({weights['lowest']:.2f} to {weights['highest']:.2f}), so the "
        "estimates are those of asking every pair on every prompt; the weights leave the "
        f"information of {_percent(weights['effective'])} of the judgments."
    )


def _mean_scores(report: Report) -> str:
    method = report["method"]
    more = (
        f" Corrected means: {method['corrected']}. Differences of systems: {method['differences']}."
        if "corrected" in method
        else ""
    )
    return f" Scores are means on the scale of {method['scale']}.{more}"


def _level(report: Report) -> float:
    return float(report["method"]["level"])


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
