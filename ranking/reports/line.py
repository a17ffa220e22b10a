"""Systems on a line, from scores of pairs: comparison scores, and strengths of preference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.models import System
from ranking.comparisons import StudyCells, ratings
from ranking.reports.fit_rows import (
    best_first,
    influence_rows,
    interval_method,
    joined,
    lone_rater_row,
    place_row,
)
from ranking.reports.groups import ranked
from ranking.reports.measures import Measure
from ranking.reports.options import Options
from ranking.rollups import Cells
from ranking.stats.counts import Floats, Ints, present, tally
from ranking.stats.differences import Departure, departures
from ranking.stats.exceptions import StatisticsError
from ranking.stats.influence import RaterInfluence, influence_of_raters
from ranking.stats.intervals import Intervals, contrast_intervals
from ranking.stats.linear import LinearFit, ScoredPairs, fit_scored_pairs, linear_covariance
from ranking.stats.ranks import Ranks
from ranking.stats.ratings import Scale
from ranking.stats.sandwich import Sandwich

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Systems that comparisons join, and where they stand; `place[i]` is system i's number."""

    number: int
    place: Ints
    systems: list[System]
    pairs: ScoredPairs
    fit: LinearFit
    #: None below two raters.
    cov: Sandwich | None
    ends: Intervals | None
    ranks: Ranks
    influence: RaterInfluence | None


def fitted_lines(cells: StudyCells, pairs: ScoredPairs, options: Options) -> list[Line]:
    """Fit each group of at least two connected systems, the largest first."""
    found = joined(cells, pairs.meetings)
    return [_line(cells, pairs, place, number, options) for number, place in enumerate(found)]


def _line(
    cells: StudyCells, pairs: ScoredPairs, place: Ints, number: int, options: Options
) -> Line:
    rng = np.random.default_rng(options.seed)
    inside = pairs.restricted_to(place)
    fit = fit_scored_pairs(inside)
    cov = _covariance(fit, inside, options)
    ends = None
    if cov is not None:
        ends = contrast_intervals(
            fit.against_others, fit.against_others_gradient, cov, level=options.level, rng=rng
        )
    return Line(
        number=number,
        place=place,
        systems=[cells.systems[i] for i in place],
        pairs=inside,
        fit=fit,
        cov=cov,
        ends=ends,
        ranks=ranked(fit.places, cov, options, rng),
        influence=influence_of_raters(fit.places, fit.against_others_gradient, cov)
        if cov
        else None,
    )


def _covariance(fit: LinearFit, pairs: ScoredPairs, options: Options) -> Sandwich | None:
    try:
        return linear_covariance(fit, pairs, level=options.level)
    except StatisticsError:
        return None


def line_standings(lines: list[Line], measure: Measure) -> list[Row]:
    """Return the rows of all groups, each best first."""
    return [row for line in lines for row in best_first(_standings(line, measure))]


def _standings(line: Line, measure: Measure) -> Iterator[Row]:
    for i, (worse, same, better) in enumerate(_tallies(line.pairs).tolist()):
        yield {
            **_standing(line, i, measure),
            "judgments": worse + same + better,
            "better": better,
            "same": same,
            "worse": worse,
            **lone_rater_row(line.influence, i),
        }


def _standing(line: Line, i: int, measure: Measure) -> Row:
    key, ends = measure.key, line.ends
    value = float(np.clip(line.fit.against_others[i], measure.low, measure.high))
    return {
        **place_row(line.systems, line.ranks, i, group=line.number),
        key: value,
        f"{key}_low": None if ends is None else max(float(ends.low[i]), measure.low),
        f"{key}_high": None if ends is None else min(float(ends.high[i]), measure.high),
        f"{key}_se": None if ends is None else float(ends.error[i]),
    }


def _tallies(pairs: ScoredPairs) -> Ints:
    """Return [systems, 3]: judgments that put it below another, level with it, and above."""
    met = pairs.a != pairs.b
    said, count, size = np.sign(pairs.score[met]).astype(np.int64), pairs.count[met], pairs.systems
    table = tally(3 * pairs.a[met] + 1 + said, count, 3 * size)
    table += tally(3 * pairs.b[met] + 1 - said, count, 3 * size)
    return table.astype(np.int64).reshape(size, 3)


def pair_rows(
    cells: StudyCells, counted: Cells, score: Floats, lines: list[Line], options: Options
) -> list[Row]:
    """Return each pair's mean of `score` [cells], a's against b, and what the line expects.

    With them go how often each score was given, from the lowest.
    """
    size = len(cells.systems)
    low, high = np.minimum(*_sides(counted)), np.maximum(*_sides(counted))
    met = low != high
    sign = np.where(counted.column("a") == low, 1.0, -1.0)
    key = (low * size + high)[met]
    keys, number = np.unique(key, return_inverse=True)
    if len(keys) == 0:
        return []
    chosen, signed = counted.only(met), (sign * score)[met]
    room = round(lines[0].pairs.room) if lines else 0
    data = ratings(chosen, scale=Scale(low=-room, high=room), score=signed, of=number)
    found = departures(data, rng=np.random.default_rng(options.seed), level=options.level)
    counts = data.distribution()
    expected = _expected(lines, size)
    return [
        {
            "a": cells.systems[k // size].slug,
            "b": cells.systems[k % size].slug,
            **departure_row(found[i]),
            "expected": float(expected[k // size, k % size]),
            "residual": float(found[i].value - expected[k // size, k % size]),
            "distribution": counts[i].tolist(),
        }
        for i, k in enumerate(keys.tolist())
    ]


def departure_row(found: Departure) -> Row:
    return {
        "judgments": found.judgments,
        "mean": found.value,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "p_holm": found.p_holm,
    }


def _sides(counted: Cells) -> tuple[Ints, Ints]:
    return counted.column("a"), counted.column("b")


def _expected(lines: list[Line], size: int) -> Floats:
    table = np.zeros((size, size))
    for line in lines:
        table[np.ix_(line.place, line.place)] = line.fit.expected
    return table


def position_row(lines: list[Line], options: Options) -> Row | None:
    """Return what the largest group's raters give to the second output, whatever it is."""
    line = lines[0] if lines else None
    if line is None or line.cov is None or line.fit.position is None:
        return None
    contrast = np.zeros((1, len(line.fit.bread)))
    contrast[0, -1] = 1
    rng, value = np.random.default_rng(options.seed), line.fit.position
    found = contrast_intervals(np.array([value]), contrast, line.cov, level=options.level, rng=rng)
    known = line.pairs.second != 0
    return {
        "second": value,
        "low": max(float(found.low[0]), -line.pairs.room),
        "high": min(float(found.high[0]), line.pairs.room),
        "judgments": int(line.pairs.count[known].sum()),
    }


def line_method(lines: list[Line], options: Options) -> Row:
    return {
        "model": "least squares",
        **interval_method([line.cov for line in lines], options),
        "differences": "pairs' means clustered by rater and prompt, p-values after Holm",
    }


def rows_of_raters(cells: StudyCells, lines: list[Line]) -> list[Row]:
    """Return the largest group's raters, those with most influence on the places first."""
    if not lines or lines[0].influence is None:
        return []
    line, everybody = lines[0], len(cells.everything.raters)
    raters = present(line.pairs.rater, everybody)
    judged = tally(line.pairs.rater, line.pairs.count, everybody)[raters]
    names = [cells.labels.rater_names[r] for r in raters]
    return influence_rows(names, judged, lines[0].influence)
