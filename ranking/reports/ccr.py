"""The CCR part of a report: each pair's comparison score, systems on a line, the order shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.protocols.ccr import MOST, WORDS
from ranking.comparisons import StudyCells, ratings, scored_pairs
from ranking.reports.fit_rows import apart_warning
from ranking.reports.line import (
    Line,
    departure_row,
    fitted_lines,
    line_method,
    line_standings,
    pair_rows,
    position_row,
    rows_of_raters,
)
from ranking.reports.measures import CMOS, stored
from ranking.reports.options import Options
from ranking.rollups import Cells
from ranking.stats.counts import LEFT_UNKNOWN, SIDE, Floats, Ints
from ranking.stats.differences import departures
from ranking.stats.linear import ScoredPairs
from ranking.stats.ratings import Scale

Row = dict[str, Any]


def ccr_standings(cells: StudyCells, options: Options, *, with_excluded: bool = False) -> list[Row]:
    """Return the standings alone."""
    counted = cells.people(part=options.part, with_excluded=with_excluded)
    return line_standings(fitted_lines(cells, _pairs(counted), options), CMOS)


def ccr_part(cells: StudyCells, options: Options) -> Row:
    """Return all of a CCR report that comes from the scores."""
    counted = cells.people(part=options.part)
    lines = fitted_lines(cells, _pairs(counted), options)
    null = _null_pairs(counted, options)
    return {
        "measure": stored(CMOS),
        "method": {
            **line_method(lines, options),
            "scale": "comparison category rating, -3 to +3 (ITU-T P.800, annex E)",
        },
        "standings": line_standings(lines, CMOS),
        "groups": [[system.slug for system in line.systems] for line in lines],
        "scored_pairs": pair_rows(cells, counted, _score(counted), lines, options),
        "position": position_row(lines, options),
        "null_pairs": null,
        "raters": rows_of_raters(cells, lines),
        "warnings": [
            *apart_warning(len(lines), never="compared with each other"),
            *_without_sides(lines),
            *_only_null(lines, null),
        ],
    }


def _pairs(counted: Cells) -> ScoredPairs:
    return scored_pairs(counted, score=_score(counted), second=_second(counted), room=MOST)


def _score(counted: Cells) -> Floats:
    """Return a's score against b, whichever came first."""
    return (counted.column("answer") % len(WORDS) - MOST).astype(float)


def _second(counted: Cells) -> Ints:
    """Return +1 where a came second, -1 where b did: what stood left came first."""
    return -SIDE[counted.column("answer") // len(WORDS)].astype(np.int64)


def _null_pairs(counted: Cells, options: Options) -> Row | None:
    """Return what was given to the second of two that were the same; None without any."""
    side = counted.column("answer") // len(WORDS)
    null = (counted.rows["a"] == counted.rows["b"]) & (side != LEFT_UNKNOWN)
    chosen = counted.only(null)
    if len(chosen.rows) == 0:
        return None
    # The score is of a against b; one output is both, so its sign is that of the order shown.
    score = (_second(counted) * _score(counted))[null]
    data = ratings(
        chosen,
        scale=Scale(low=-MOST, high=MOST),
        score=score,
        of=np.zeros(len(score), dtype=np.int64),
    )
    rng = np.random.default_rng(options.seed)
    (found,) = departures(data, rng=rng, level=options.level)
    return {**departure_row(found), "distribution": data.distribution()[0].tolist()}


def _without_sides(lines: list[Line]) -> list[str]:
    if not lines or lines[0].fit.position is not None:
        return []
    return [
        "Which output came first is not known, or always went with the system: scores are not "
        "free of what raters give to the second one."
    ]


def _only_null(lines: list[Line], null: Row | None) -> list[str]:
    return ["Only null pairs were judged so far."] if null and not lines else []
