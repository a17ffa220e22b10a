"""How far a result can be trusted, in sentences for the page and the exports alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranking.reports.protocol_checks import (
    against_the_reference,
    first_by_criterion,
    order_shown,
)
from ranking.reports.shown import is_decided
from ranking.reports.stopping import in_words
from ranking.stats.ranks import same_order

Report = dict[str, Any]

#: Sides that differ by less are balanced for all that matters.
BALANCED = 0.02
#: A pair with fewer judgments is not held against the model.
MIN_PAIR = 10


def checks(report: Report) -> list[dict[str, str]]:
    """Return a title and a sentence for each check that could be made."""
    found = [
        ("One rater", _one_rater(report)),
        ("Few judgments", _few_judgments(report)),
        ("Sides", _sides(report)),
        ("Order", order_shown(report)),
        ("Criteria", first_by_criterion(report)),
        ("Reference", against_the_reference(report)),
        ("Enough judgments", _enough(report)),
        ("Differences", _differences(report)),
        ("Agreement", _agreement(report)),
        ("Judges", _judges(report)),
        ("Ties", _ties(report)),
        ("Second method", _second_opinion(report)),
        ("Rater bias", _rater_bias(report)),
        ("Scale", _scale(report)),
        ("Fit", _fit(report)),
    ]
    return [{"title": title, "says": says} for title, says in found if says]


def _enough(report: Report) -> str:
    names = {row["system"]: row["name"] for row in report["standings"]}
    return in_words(report.get("stopping") or [], names)


def _one_rater(report: Report) -> str:
    rows = [r for r in report["standings"] if r.get("rank_low_without_a_rater") is not None]
    if not rows:
        return ""
    moved = [r for r in rows if r["rank_low_without_a_rater"] != r["rank_high_without_a_rater"]]
    if not moved:
        return "Whichever rater is left out, every rank stays as it is."
    named = "; ".join(
        f"{r['name']} {r['rank_low_without_a_rater']} to {r['rank_high_without_a_rater']}"
        for r in moved[:3]
    )
    others = len(moved) - 3
    more = f", and {others} more system{'s move' if others > 1 else ' moves'}" if others > 0 else ""
    return f"Leaving out one rater can move ranks: {named}{more}."


def _few_judgments(report: Report) -> str:
    flip = report.get("fewest_to_change_the_top")
    if not flip:
        return ""
    names = {row["system"]: row["name"] for row in report["standings"]}
    count = flip["judgments"]
    those = "that one judgment" if count == 1 else f"{count:,} judgments"
    share = max(flip["share"], 0.0001)
    return (
        f"Without {those} of {report['counts']['judgments']:,} ({_percent(share, 2)}), chosen "
        f"against it, {names[flip['challenger']]} would be first."
    )


def _sides(report: Report) -> str:
    position = report.get("position")
    if not position:
        return ""
    if "left_win_rate" not in position:
        return ""
    says = (
        f"Between equal systems the left would win {_percent(position['left_win_rate'])} "
        f"({_percent(position['low'])} to {_percent(position['high'])})"
    )
    if position["low"] > 0.5 or position["high"] < 0.5:
        side = "left" if position["low"] > 0.5 else "right"
        return f"{says}: raters favour the {side}. {_side_balance(position)}"
    return f"{says}: no side is favoured beyond doubt."


def _side_balance(position: Report) -> str:
    """Say whether that can have helped a system: each should stand left half of the time."""
    worst = position["largest_share_of_sides"]
    if abs(worst["left"] - 0.5) < BALANCED:
        return "Every system stood left half of the time, which keeps this out of the win rates."
    return f"{worst['name']} stood left {_percent(worst['left'])} of the time."


def _differences(report: Report) -> str:
    rows = [row for row in report.get("differences", []) if row["p_holm"] is not None]
    if not rows:
        return ""
    beyond = sum(is_decided(row, report) for row in rows)
    return (
        f"Of {len(rows)} pairs of systems, {beyond} differ beyond chance when all are tested at "
        f"once (paired by prompt, Holm's correction, {1 - report['method']['level']:.2g})."
    )


def _agreement(report: Report) -> str:
    agreement, raw = report.get("agreement"), report.get("raw_agreement")
    says = []
    if agreement:
        says.append(
            f"Krippendorff's alpha ({agreement['metric']}) is {agreement['alpha']:.2f}"
            f"{_reach(agreement, '.2f')}"
        )
    if raw and raw.get("with_ties"):
        same = f"two raters agree on {_what(raw)} {_percent(raw['with_ties']['value'])} of the time"
        if raw.get("without_ties"):
            same += f", {_percent(raw['without_ties']['value'])} where neither calls a tie"
        if raw.get("within_one"):
            near = raw.get("near", "within one").lower()
            near += "" if near.endswith("band") else " score"
            same += f", and {near} {_percent(raw['within_one']['value'])}"
        says.append(same)
    if not says:
        return ""
    return _sentence("; ".join(says))


def _what(raw: Report) -> str:
    """Return what two judgments that agree have in common."""
    of = {"Same best": "the best of a group", "Same band": "the band of a score"}
    return of.get(raw.get("same", ""), "a task")


def _reach(row: dict[str, Any], form: str) -> str:
    if row["low"] is None:
        return " (too few tasks for an interval)"
    return f" ({row['low']:{form}} to {row['high']:{form}})"


def _judges(report: Report) -> str:
    rows = [row for row in report.get("judges", []) if row["with_ties"]]
    return " ".join(_judge(row) for row in rows[:3]) + (
        f" {len(rows) - 3} more judges are in the table." if len(rows) > 3 else ""
    )


def _judge(row: dict[str, Any]) -> str:
    says = (
        f"{row['judge']} agrees with a rater on {_percent(row['with_ties']['value'])} of "
        f"{row['tasks']:,} tasks"
    )
    if row["without_ties"]:
        says += f", {_percent(row['without_ties']['value'])} where neither calls a tie"
    among = row["people"]["with_ties"] if row["people"] else None
    if among:
        says += f"; two raters agree there {_percent(among['value'])} of the time"
    return says + "."


def _rater_bias(report: Report) -> str:
    if report.get("no_correction"):
        return f"No correction for the bias of raters could be made: {report['no_correction']}."
    rows = [r for r in report["standings"] if r.get("mos_corrected") is not None]
    if len(rows) < 2:
        return ""
    means, corrected = (np.array([r[key] for r in rows]) for key in ("mos", "mos_corrected"))
    order = "stays as it is" if same_order(means, corrected) else "is another one"
    return (
        f"With each rater's bias taken off and raters weighed by consistency (ITU-T P.913, 12.6) "
        f"the order {order}; the largest change of a mean is "
        f"{np.abs(corrected - means).max():.2f}."
    )


def _scale(report: Report) -> str:
    found = report.get("ordinal")
    if not found:
        return ""
    if found["same_order"] is None:
        return f"No ordinal model could be fitted: {found['reason']}."
    order = "gives the same order" if found["same_order"] else "gives another order"
    return f"An ordered probit model, which takes no two scores to be equally far apart, {order}."


def _ties(report: Report) -> str:
    other = report.get("other_ties")
    if not other:
        return ""
    name = "Davidson's model of ties" if other["ties"] == "davidson" else "ties as half wins"
    order = "the order is the same" if other["same_order"] else "the order is another one"
    return (
        f"With {name} {order}; no win rate changes by more than "
        f"{_points(max(other['largest_difference'], 0.001))}."
    )


def _second_opinion(report: Report) -> str:
    other = report.get("second_opinion")
    if not other:
        return ""
    rows = [row for row in report["standings"] if row["system"] in other["low"]]
    widths = [(row["win_rate_high"] or 0) - (row["win_rate_low"] or 0) for row in rows]
    ratios = [
        (other["high"][row["system"]] - other["low"][row["system"]]) / width
        for row, width in zip(rows, widths, strict=True)
        if row["bound"] is None and width > 0
    ]
    if not ratios:
        return ""
    prompts = report["method"]["interval"].endswith("two-way with prompts")
    return (
        f"A Bayesian bootstrap over raters gives intervals {min(ratios):.2f} to "
        f"{max(ratios):.2f} times as wide as those shown"
        + (", which also allow for other prompts." if prompts else ".")
    )


def _fit(report: Report) -> str:
    pairs = [p for p in report.get("pairs", []) if p["judgments"] >= MIN_PAIR]
    if not pairs or len(report["standings"]) < 3:
        return ""
    worst = max(pairs, key=lambda p: abs(p["residual"]))
    names = {row["system"]: row["name"] for row in report["standings"]}
    return (
        f"Of pairs with at least {MIN_PAIR} judgments, {names[worst['a']]} against "
        f"{names[worst['b']]} is furthest from the model: {_percent(worst['observed_a'])} of wins, "
        f"{_percent(worst['p_a'])} predicted."
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}%"


def _points(difference: float) -> str:
    return f"{100 * difference:.1f} percentage points"
