"""What only some protocols have to be trusted for: criteria, a reference, the order shown."""

from __future__ import annotations

from typing import Any

Report = dict[str, Any]

QUOTE = "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"


def first_by_criterion(report: Report) -> str:
    """Say whom each criterion puts first, and whether that is decided."""
    says = []
    for part in report.get("criteria", []):
        rows = [row for row in part["standings"] if row["group"] == 0]
        if len(rows) < 2:
            continue
        is_decided_first = rows[0]["rank_high"] == 1 and rows[1]["rank_low"] > 1
        verdict = rows[0]["name"] if is_decided_first else "first place is not decided"
        says.append(f"{QUOTE[0]}{part['label']}{QUOTE[1]}: {verdict}")
    return "; ".join(says) + "." if says else ""


def against_the_reference(report: Report) -> str:
    """Say where the hidden reference stands, and which systems are not surely below it."""
    rows = report.get("apart") or []
    if not rows:
        return ""
    first = rows[0]
    near = [
        row["name"]
        for row in report["standings"]
        if row["mos_high"] is not None and row["mos_high"] >= (first["mos_low"] or first["mos"])
    ]
    says = f"{first['label']}: {first['mos']:.1f}"
    if first["mos_low"] is not None:
        says += f" ({first['mos_low']:.1f} to {first['mos_high']:.1f})"
    if not near:
        return f"{says}; every system's interval lies below."
    return f"{says}; intervals that reach up to it: {', '.join(near[:3])}" + (
        f" and {len(near) - 3} more." if len(near) > 3 else "."
    )


def order_shown(report: Report) -> str:
    """Say what raters give to the second of two, and whether null pairs say so as well."""
    position, null = report.get("position") or {}, report.get("null_pairs")
    if "second" not in position:
        return ""
    says = (
        f"What comes second gets {_score(position['second'])} on the scale, whichever system it is "
        f"({_score(position['low'])} to {_score(position['high'])})"
    )
    beyond = position["low"] > 0 or position["high"] < 0
    says += ": the places of systems are free of it" if beyond else ": no order is favoured"
    if null:
        reach = "" if null["low"] is None else f" ({_score(null['low'])} to {_score(null['high'])})"
        says += f". One output against itself gives {_score(null['mean'])}{reach}"
    return says + "."


def _score(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
