"""Where things stand in the figures: numbers for the SVG attributes of the templates."""

from __future__ import annotations

from typing import Any

from ranking.reports.heat import heat_table
from ranking.reports.measures import NOTHING, Measure, measure_of
from ranking.reports.rater_table import rater_table
from ranking.reports.shown import (
    agreement_in_words,
    agreement_table,
    alphas_in_words,
    difference_rows,
    null_row,
    plain_rows,
    scored_pair_table,
)
from ranking.reports.standings import standing_cells, standings_table
from ranking.reports.stopping import listed

Report = dict[str, Any]
Figure = dict[str, Any]

#: Up to so many systems, cells of that size.
CELLS = ((8, 56), (16, 40), (30, 26), (10_000, 14))
GAP = 2
NUMBERS_FROM = 26
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
    """Return what the page shows of a report; what a protocol does not have is empty."""
    measure = measure_of(report)
    found: Figure = {
        "standings": standings_table(report, report),
        "slices": _slices(report, measure),
        "agreement": {**agreement_table(report), "alphas": alphas_in_words(report)},
        "differences": difference_rows(report, report),
        "distributions": _distributions(report),
        "scored_pairs": scored_pair_table(report, report, measure),
        "null_pairs": null_row(report),
        "apart": _apart(report, measure),
        "strength": _strength(report),
        "heat": heat_table(report),
        "criteria": [_criterion(report, part) for part in report.get("criteria", [])],
        "with_excluded": [
            standing_cells(row, measure) for row in report.get("standings_with_excluded", [])
        ],
        "raters": rater_table(report),
        "level": f"{100 * report['method']['level']:.3g}%",
        "tables": plain_rows(report),
        "matrices": [],
    }
    if report["protocol"] == "pairwise":
        found["stopping"] = _stopping(report)
        found["matrices"] = [_matrix(report, group) for group in range(len(report["groups"]))]
        found["pairs"] = _pairs(report)
    return found


def _criterion(report: Report, part: Report) -> Figure:
    return {
        "standings": standings_table(report, part),
        "differences": difference_rows(report, part),
        "distributions": _distributions(part),
        "agreement": agreement_in_words(report, part),
        "warnings": part.get("warnings", []),
        "words": part.get("words", []),
    }


def _strength(report: Report) -> Figure | None:
    """Return the table of preferences, and each pair's distribution over the steps."""
    part = report.get("strength")
    if not part:
        return None
    return {
        "standings": standings_table(report, part),
        "scored_pairs": scored_pair_table(report, part, measure_of(part)),
        "judgments": part["judgments"],
        "without": part["without"],
    }


def _apart(report: Report, measure: Measure) -> list[Figure]:
    return [
        {
            "name": row["label"],
            "value": measure.said(row["mos"]),
            "range": measure.range(row),
            "judgments": row["judgments"],
        }
        for row in report.get("apart", [])
    ]


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


def _distributions(part: Report) -> list[Figure]:
    """Return bars for each standing: shares of its judgments, on one scale for all."""
    rows = [row for row in part["standings"] if row.get("distribution")]
    labels = part.get("bins") or [str(n + 1) for row in rows[:1] for n in _places(row)]
    shares = [n / sum(row["distribution"]) for row in rows for n in row["distribution"]]
    tallest = max(shares, default=1.0)
    return [
        {
            "system": row["system"],
            "name": row["name"],
            "width": 20 * len(labels),
            "bars": [
                {
                    "x": 20 * i,
                    "height": round(40 * count / total, 1),
                    "y": round(40 - 40 * count / total, 1),
                    "count": count,
                    "score": label,
                }
                for i, (count, label) in enumerate(zip(row["distribution"], labels, strict=True))
            ],
        }
        for row in rows
        for total in [sum(row["distribution"]) * tallest]
    ]


def _places(row: Report) -> range:
    return range(len(row["distribution"]))


def _slices(report: Report, measure: Measure) -> Figure:
    """Return the parts as rows with a cell for each standing; None where it has no value there."""
    systems = [row["system"] for row in report["standings"]]
    rows = []
    for part in report.get("slices", []):
        found = {row["system"]: row for row in part["standings"]}
        cells = [_slice_cell(found[s], measure) if s in found else None for s in systems]
        rows.append({**part, "cells": cells})
    return {
        "systems": [row["name"] for row in report["standings"]],
        "rows": rows,
        "short": measure.short,
    }


def _slice_cell(row: Report, measure: Measure) -> Figure:
    reach = measure.range(row)
    return {
        "value": measure.said(row[measure.key]),
        "range": "no interval" if reach == NOTHING else reach,
    }
