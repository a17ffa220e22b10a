"""The pairwise part of a report: standings, pairs, and what goes with them."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from annotation.protocols.options import Criterion
from annotation.protocols.pairwise import Pairwise
from ranking.comparisons import StudyCells, comparisons
from ranking.reports.agreement import criterion_agreement
from ranking.reports.fit_rows import (
    apart_warning,
    best_first,
    interval_method,
    lone_rater_row,
    place_row,
    strength_error,
    win_rate_ends,
)
from ranking.reports.groups import Group, fitted_groups
from ranking.reports.measures import WIN_RATE, stored
from ranking.reports.options import Options
from ranking.reports.position import position_row
from ranking.reports.raters import rater_rows, reversed_warning
from ranking.reports.sensitivity import sensitivity_rows
from ranking.reports.stopping import stopping_rows
from ranking.reports.strength import strength_row
from ranking.stats.bradley_terry import PRIOR_SD
from ranking.stats.counts import BOTH_BAD, Floats, tally
from ranking.stats.shares import clustered_share

Row = dict[str, Any]


def pairwise_standings(
    cells: StudyCells, options: Options, *, with_excluded: bool = False
) -> list[Row]:
    """Return the standings alone."""
    data = comparisons(cells.people(part=options.part, with_excluded=with_excluded))
    return [
        row for group in fitted_groups(cells, data, options) for row in standings(group, options)
    ]


def pairwise_part(cells: StudyCells, options: Options) -> Row:
    """Return all of a pairwise report that comes from the fit."""
    data = comparisons(cells.people(part=options.part))
    fitted = fitted_groups(cells, data, options)
    raters = rater_rows(cells, fitted, options)
    warnings = [warning for group in fitted for warning in _warnings(group)]
    warnings += reversed_warning(raters)
    warnings += apart_warning(len(fitted), never="compared with each other")
    return {
        "measure": stored(WIN_RATE),
        "method": {**method(fitted, options), "weights": _weights(fitted, cells)},
        "standings": [row for group in fitted for row in standings(group, options)],
        "pairs": [row for group in fitted for row in _pairs(group)],
        "position": position_row(fitted, options),
        "groups": [[system.slug for system in group.systems] for group in fitted],
        "warnings": warnings,
        "raters": raters,
        "stopping": stopping_rows(fitted, options),
        **sensitivity_rows(cells, fitted, options),
        **_criteria(cells, options),
        "strength": strength_row(cells, options),
    }


def _criteria(cells: StudyCells, options: Options) -> Row:
    """Return each criterion's own fit; nothing where there are none."""
    criteria = Pairwise.of(cells.study).criteria
    if not criteria:
        return {}
    return {
        "criteria": [
            _criterion(cells, options, number, criterion)
            for number, criterion in enumerate(criteria, start=1)
        ]
    }


def _criterion(cells: StudyCells, options: Options, number: int, criterion: Criterion) -> Row:
    answers = cells.answers(part=options.part).of_question(number)
    fitted = fitted_groups(cells, comparisons(answers), options)
    return {
        "key": criterion.key,
        "label": criterion.label,
        "measure": stored(replace(WIN_RATE, title=criterion.label)),
        "standings": [row for group in fitted for row in standings(group, options)],
        "pairs": [row for group in fitted for row in _pairs(group)],
        "position": position_row(fitted, options),
        "groups": [[system.slug for system in group.systems] for group in fitted],
        "warnings": [warning for group in fitted for warning in _warnings(group)],
        **criterion_agreement(cells, options, number),
    }


def method(fitted: list[Group], options: Options) -> Row:
    return {
        "model": "bradley-terry",
        "ties": options.ties,
        "solver": f"choix {version('choix')}, dense spectral ranking, then Newton to a gradient "
        "norm below 1e-8",
        **interval_method([group.cov for group in fitted], options),
        "verdicts": "confidence sequence (t mixture by rater; Bonferroni over all pairs)",
        "margin": options.margin,
        "rater_cap": options.cap,
    }


def _weights(fitted: list[Group], cells: StudyCells) -> Row | None:
    """Return what judgments weigh in the largest group; None where all were asked evenly.

    `effective` is the share of judgments that would say as much weighing the same (Kish, 1965).
    """
    if cells.weights is None or not fitted or (weight := fitted[0].weighted.weight) is None:
        return None
    count = fitted[0].tallied.count
    return {
        "by": "inverse probability of the task's being asked",
        "lowest": float(weight.min()),
        "highest": float(weight.max()),
        "effective": float((count @ weight) ** 2 / (count @ weight**2) / count.sum()),
    }


def standings(group: Group, options: Options) -> list[Row]:
    """Return the rows of one group, best first."""
    accepted = _acceptability(group, options)
    return best_first({**_standing(group, i), **accepted[i]} for i in range(len(group.systems)))


def _standing(group: Group, i: int) -> Row:
    return {
        **place_row(group.systems, group.ranks, i, group=group.number),
        "strength": float(group.fit.strengths[i]),
        "strength_se": strength_error(group.cov, group.fit, i),
        "win_rate": float(group.fit.win_rates[i]),
        **win_rate_ends(group.win_rates, group.bounds, i),
        **_tallies(group, i),
        **lone_rater_row(group.influence, i),
    }


def _tallies(group: Group, i: int) -> Row:
    counts = group.tallied.counts
    return {
        "judgments": int(counts.meetings[i].sum()),
        "wins": int(counts.wins[i].sum()),
        "losses": int(counts.wins[:, i].sum()),
        "ties": int(counts.ties[i].sum()),
        "both_bad": int(counts.both_bad[i].sum()),
    }


def _acceptability(group: Group, options: Options) -> list[Row]:
    """Return the share of each system's judgments that did not call both outputs bad."""
    c, size = group.tallied, len(group.systems)
    bad = c.only(c.outcome == BOTH_BAD)
    trials, rejected = (
        (
            tally(part.rater * size + part.a, part.count, c.raters * size)
            + tally(part.rater * size + part.b, part.count, c.raters * size)
        ).reshape(c.raters, size)
        for part in (c, bad)
    )
    return [
        _accepted(trials[:, i] - rejected[:, i], trials[:, i], options.level) for i in range(size)
    ]


def _accepted(accepted: Floats, trials: Floats, level: float) -> Row:
    share = clustered_share(accepted, trials, level=level)
    if share is None:
        return {"acceptability": None, "acceptability_low": None, "acceptability_high": None}
    is_known = int((trials > 0).sum()) > 1
    return {
        "acceptability": share.value,
        "acceptability_low": share.low if is_known else None,
        "acceptability_high": share.high if is_known else None,
    }


def _pairs(group: Group) -> list[Row]:
    counts, expected = group.tallied.counts, group.fit.expected
    meetings, half_wins = counts.meetings, counts.half_wins
    rows = []
    for i, j in zip(*np.nonzero(np.triu(meetings)), strict=True):
        observed, p = half_wins[i, j] / meetings[i, j], float(expected[i, j])
        rows.append(
            {
                "a": group.systems[i].slug,
                "b": group.systems[j].slug,
                "judgments": int(meetings[i, j]),
                "a_wins": int(counts.wins[i, j]),
                "b_wins": int(counts.wins[j, i]),
                "ties": int(counts.ties[i, j]),
                "both_bad": int(counts.both_bad[i, j]),
                "p_a": p,
                "observed_a": float(observed),
                "residual": float(observed - p),
            }
        )
    return rows


def _warnings(group: Group) -> list[str]:
    warnings = []
    if group.fit.is_separated:
        warnings.append(
            "Some systems never lost to the others, or never won: no finite estimate exists. A "
            f"normal prior (standard deviation {PRIOR_SD} on differences of strength) holds the "
            "strengths, and their win rates have one-sided bounds. Ask for more judgments."
        )
    counts = group.tallied.counts
    if counts.wins.sum() == 0:
        warnings.append("Every judgment was a tie or both bad: nothing tells the systems apart.")
    return warnings
