"""Where things stand in the figures: numbers for the SVG attributes of the templates."""

from __future__ import annotations

from typing import Any

from ranking.reports.shown import agreement_table, alphas_in_words, difference_rows, plain_rows
from ranking.reports.stopping import listed

Report = dict[str, Any]
Figure = dict[str, Any]

#: The plot's inner width in its own units; labels of the axis stand at whole steps.
WIDTH = 400.0
#: Up to so many systems, cells of that size.
CELLS = ((8, 56), (16, 40), (30, 26), (10_000, 14))
GAP = 2
NUMBERS_FROM = 26
MAX_TICKS = 5
#: A pair with fewer judgments is drawn paler.
FULL_COLOUR_AT = 20
FACES = ("observed", "predicted", "residual")
#: Steps of a colour from none to full.
SHADES = 40
#: Up to so many cells tell their numbers to a pointer; the table has all of them.
MAX_TITLES = 900
#: So many pairs are in the table of the page, those with most judgments.
MAX_PAIRS = 300


def figures(report: Report) -> Figure:
    """Return the interval plot, and the pair matrix of a pairwise report."""
    is_pairwise = report["protocol"] == "pairwise"
    key = "win_rate" if is_pairwise else "mos"
    found: Figure = {
        "plot": _interval_plot(report, key),
        "slices": _slices(report, key),
        "agreement": {**agreement_table(report), "alphas": alphas_in_words(report)},
        "differences": difference_rows(report),
        "tables": plain_rows(report),
    }
    if is_pairwise:
        found["stopping"] = _stopping(report)
        found["matrices"] = [_matrix(report, group) for group in range(len(report["groups"]))]
        found["pairs"] = _pairs(report)
    else:
        found["distributions"] = _distributions(report)
    return found


def _interval_plot(report: Report, key: str) -> Figure:
    """Place each standing's value and interval on one shared axis."""
    rows = report["standings"]
    ends = [
        row[k] for row in rows for k in (key, f"{key}_low", f"{key}_high") if row[k] is not None
    ]
    whole = (0.0, 1.0) if key == "win_rate" else (1.0, 5.0)
    step = 0.1 if key == "win_rate" else 0.5
    low = max(whole[0], step * ((min(ends) if ends else whole[0]) // step))
    high = min(whole[1], step * ((max(ends) if ends else whole[1]) // step + 1))

    def x(value: float) -> float:
        return round(WIDTH * (value - low) / max(high - low, step), 1)

    steps = round((high - low) / step)
    # Labels on a narrow screen must not touch.
    ticks = [low + step * i for i in range(0, steps + 1, -(-max(steps, 1) // MAX_TICKS))]
    return {
        "width": WIDTH,
        "rows": {
            row["system"]: {
                "x": x(row[key]),
                "low": None if row[f"{key}_low"] is None else x(max(row[f"{key}_low"], low)),
                "high": None if row[f"{key}_high"] is None else x(min(row[f"{key}_high"], high)),
            }
            for row in rows
        },
        "ticks": [
            {"x": x(tick), "label": f"{100 * tick:.0f}" if key == "win_rate" else f"{tick:.1f}"}
            for tick in ticks
        ],
        "middle": x(0.5) if key == "win_rate" and low <= 0.5 <= high else None,
    }


def _stopping(report: Report) -> Figure:
    """Return the pairs that a page lists, by name, and how many more there are."""
    rows = report.get("stopping") or []
    names = {row["system"]: row["name"] for row in report["standings"]}
    found = [{**row, "a": names[row["a"]], "b": names[row["b"]]} for row in listed(rows)]
    return {"rows": found, "unlisted": len(rows) - len(found)}


def _matrix(report: Report, group: int) -> Figure:
    """Place the cells of one group: what the row won from the column, in three faces.

    Cells of one colour are one path, so that a hundred systems still make a small page.
    """
    rows = [row for row in report["standings"] if row["group"] == group]
    place = {row["system"]: i for i, row in enumerate(rows)}
    names = [row["name"] for row in rows]
    size = next(size for most, size in CELLS if len(rows) <= most)
    cells = [
        cell
        for pair in report["pairs"]
        if pair["a"] in place and pair["b"] in place
        for cell in _cells(pair, place, names, size)
    ]
    return {
        "group": group,
        "rows": rows,
        "cell": size,
        "step": size + GAP,
        "side": len(rows) * (size + GAP),
        "half": size // 2,
        "base": size // 2 + 5,
        "has_numbers": size >= NUMBERS_FROM,
        "ground": _path([(cell["x"], cell["y"]) for cell in cells], size),
        "own": _path([(i * (size + GAP), i * (size + GAP)) for i in range(len(rows))], size),
        "titles": [(cell["x"], cell["y"], cell["title"]) for cell in cells]
        if len(cells) <= MAX_TITLES
        else [],
        "faces": [_face(name, cells, size) for name in FACES],
    }


def _pairs(report: Report) -> list[Figure]:
    """Return the pairs of the table with the systems' names, those with most judgments first."""
    names = {row["system"]: row["name"] for row in report["standings"]}
    pairs = sorted(report["pairs"], key=lambda pair: -pair["judgments"])[:MAX_PAIRS]
    return [{**pair, "a": names[pair["a"]], "b": names[pair["b"]]} for pair in pairs]


def _cells(
    pair: dict[str, Any], place: dict[str, int], names: list[str], size: int
) -> list[Figure]:
    """Return both cells of a pair: for each face how far it leans, and the number it shows."""
    observed = (pair["a_wins"] + (pair["ties"] + pair["both_bad"]) / 2) / pair["judgments"]
    certainty = min(1.0, pair["judgments"] / FULL_COLOUR_AT)
    found = []
    for row, column, share, predicted in (
        (place[pair["a"]], place[pair["b"]], observed, pair["p_a"]),
        (place[pair["b"]], place[pair["a"]], 1 - observed, 1 - pair["p_a"]),
    ):
        seen, model = f"{100 * share:.0f}", f"{100 * predicted:.0f}"
        found.append(
            {
                "x": column * (size + GAP),
                "y": row * (size + GAP),
                "title": f"{names[row]} against {names[column]}: {seen}% of {pair['judgments']}; "
                f"predicted {model}%",
                "observed": (certainty * (share - 0.5), seen),
                "predicted": (predicted - 0.5, model),
                "residual": (2 * certainty * (share - predicted), _signed(share - predicted)),
            }
        )
    return found


def _face(name: str, cells: list[Figure], size: int) -> Figure:
    """Return one face: a path for each shade of each colour, and the numbers."""
    shades: dict[tuple[bool, int], list[tuple[int, int]]] = {}
    for cell in cells:
        lean = cell[name][0]
        # Half the colour at most, so that the number stays readable on it in both themes.
        shade = round(min(abs(lean), 0.5) * SHADES)
        if shade:
            shades.setdefault((lean > 0, shade), []).append((cell["x"], cell["y"]))
    has_numbers = size >= NUMBERS_FROM
    return {
        "name": name,
        "paths": [
            {"is_above": is_above, "opacity": shade / SHADES, "d": _path(corners, size)}
            for (is_above, shade), corners in sorted(shades.items())
        ],
        "numbers": [
            (cell["x"] + size // 2, cell["y"] + size // 2 + 5, cell[name][1]) for cell in cells
        ]
        if has_numbers
        else [],
    }


def _path(corners: list[tuple[int, int]], size: int) -> str:
    """Return squares of that size, by their upper left corners, as the data of one path."""
    return "".join(f"M{x} {y}h{size}v{size}h-{size}z" for x, y in corners)


def _signed(difference: float) -> str:
    points = round(100 * difference)
    return "0" if points == 0 else f"{points:+d}".replace("-", "\N{MINUS SIGN}")


def _distributions(report: Report) -> list[Figure]:
    """Return, for each standing, five bars: shares of its judgments, on one scale for all."""
    found = []
    shares = [
        n / sum(row["distribution"]) for row in report["standings"] for n in row["distribution"]
    ]
    tallest = max(shares, default=1.0)
    for row in report["standings"]:
        total = sum(row["distribution"]) * tallest
        bars = [
            {
                "x": 20 * i,
                "height": round(40 * count / total, 1),
                "y": round(40 - 40 * count / total, 1),
                "count": count,
                "score": i + 1,
            }
            for i, count in enumerate(row["distribution"])
        ]
        found.append({"system": row["system"], "name": row["name"], "bars": bars})
    return found


def _slices(report: Report, key: str) -> Figure:
    """Return the parts as rows with a cell for each standing; None where it has no value there."""
    systems = [row["system"] for row in report["standings"]]
    rows = []
    for part in report.get("slices", []):
        found = {row["system"]: row for row in part["standings"]}
        cells = [_slice_cell(found[s], key) if s in found else None for s in systems]
        rows.append({**part, "cells": cells})
    return {"systems": [row["name"] for row in report["standings"]], "rows": rows}


def _slice_cell(row: dict[str, Any], key: str) -> Figure:
    low, high = row[f"{key}_low"], row[f"{key}_high"]

    def shown(value: float) -> str:
        return f"{100 * value:.0f}%" if key == "win_rate" else f"{value:.2f}"

    reach = "no interval" if low is None else f"{shown(low)} \N{EN DASH} {shown(high)}"
    return {"value": shown(row[key]), "range": reach}
