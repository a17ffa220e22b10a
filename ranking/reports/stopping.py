"""Whether there are judgments enough: each pair's verdict, by a confidence sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranking.reports.groups import Group
from ranking.reports.options import Options
from ranking.stats.counts import Floats, Ints
from ranking.stats.sequences import (
    Sequence,
    effective_raters,
    growth_needed,
    verdicts,
)

Row = dict[str, Any]

VERDICTS = ("undecided", "better", "worse", "equivalent")
#: So many pairs are listed on a page, those nearest to a decision first.
LISTED = 10


def stopping_rows(fitted: list[Group], options: Options) -> list[Row]:
    """Return each pair of each group: the interval of its difference of win rates, and a verdict.

    All intervals of a group hold at once, however often the report is looked at.
    `more_judgments` is about how many more, spread as those of the group are, would decide an
    undecided pair if its difference stays; None where nothing is known of it.
    """
    return [row for group in fitted for row in _rows(group, options)]


def _rows(group: Group, options: Options) -> list[Row]:
    first, second = np.triu_indices(len(group.systems), 1)
    margin = options.margin
    # Tightest where the standard error is the margin: fixed before anything is seen.
    sequence = Sequence.tuned(margin, level=options.level, comparisons=len(first))
    values = group.fit.win_rates[first] - group.fit.win_rates[second]
    errors, raters = _errors(group, first, second)
    half = sequence.half_widths(errors, raters)
    found = verdicts(values, half, margin=margin)
    growth = growth_needed(sequence, values, errors, raters, margin=margin)
    more = _about((growth - 1) * group.tallied.total)
    slugs = [system.slug for system in group.systems]
    return [
        {
            "a": slugs[i],
            "b": slugs[j],
            "verdict": VERDICTS[verdict],
            "difference": value,
            "low": low if is_known else None,
            "high": high if is_known else None,
            "margin": margin,
            "more_judgments": int(further) if verdict == 0 and further < np.inf else None,
        }
        for i, j, verdict, value, low, high, is_known, further in zip(
            first.tolist(),
            second.tolist(),
            found.tolist(),
            values.tolist(),
            np.maximum(values - half, -1).tolist(),
            np.minimum(values + half, 1).tolist(),
            np.isfinite(half).tolist(),
            more.tolist(),
            strict=True,
        )
    ]


def _about(numbers: Floats) -> Floats:
    """Round up to two digits: it is no more exact than that."""
    is_known = np.isfinite(numbers) & (numbers > 0)
    size = 10 ** np.maximum(np.floor(np.log10(np.where(is_known, numbers, 1))) - 1, 0)
    return np.where(is_known, np.ceil(numbers / size) * size, numbers)


def _errors(group: Group, first: Ints, second: Ints) -> tuple[Floats, Floats]:
    """Return each pair's standard error, and from how many raters it is, in effect."""
    if group.cov is None:
        return np.zeros(len(first)), np.zeros(len(first))
    errors = group.cov.errors_between(group.fit.win_rate_gradient)[first, second]
    raters = effective_raters(group.tallied)
    fewer = np.minimum(raters[first], raters[second])
    return errors, np.minimum(fewer, group.cov.degrees + 1)


def nearest(rows: list[Row]) -> list[Row]:
    """Return the undecided pairs, those that need fewest more judgments first."""
    undecided = [row for row in rows if row["verdict"] == "undecided"]
    return sorted(
        undecided, key=lambda row: (row["more_judgments"] is None, row["more_judgments"] or 0)
    )


def listed(rows: list[Row]) -> list[Row]:
    """Return the pairs that a page lists: the undecided, then those that differ least."""
    settled = [row for row in rows if row["verdict"] != "undecided"]
    order = [*nearest(rows), *sorted(settled, key=lambda row: abs(row["difference"]))]
    return order[:LISTED]


def in_words(rows: list[Row], names: dict[str, str]) -> str:
    """Say how many pairs are decided, and how far the nearest of the others is from it."""
    if not rows:
        return ""
    total, undecided = len(rows), nearest(rows)
    alike = sum(row["verdict"] == "equivalent" for row in rows)
    says = f"However often one looks, {total - len(undecided)} of {_pairs(total)}"
    says += " is decided" if total == 1 else " are decided, all at once"
    if alike:
        says += f"; equivalent within {_points(rows[0]['margin'])} of win rate: {alike}"
    if not undecided:
        return f"{says}. No more judgments are needed for that."
    first = undecided[0]
    if first["more_judgments"] is None:
        return f"{says}. Nothing is known yet of how many more judgments it takes."
    return (
        f"{says}. Nearest of the others is {names[first['a']]} against {names[first['b']]}: about "
        f"{first['more_judgments']:,} more judgments, spread as those so far, if its difference "
        "stays as it is."
    )


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"


def _points(share: float) -> str:
    points = f"{100 * share:.1f}".removesuffix(".0")
    return f"{points} point{'' if points == '1' else 's'}"
