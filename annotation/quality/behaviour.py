"""How raters click: pace, hurry, the same button again and again, a side they prefer.

Checks count like other tasks here: whoever clicks does not know them. Each function takes the
columns and returns one value a group, except `haste`, which returns one a judgment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.quality.columns import (
    UNKNOWN,
    Columns,
    Floats,
    Ints,
    count_by,
    counted,
    largest_by,
    sum_by,
)
from annotation.quality.shares import Measured, mean_of_shares, ratio, share

#: The quickest answer that can rest on a look: a second, and the outputs at five times the pace of
#: silent reading (238 words a minute, Brysbaert, 2019; 5.7 characters a word with its space).
LEAST_SECONDS = 1.0
CHARACTERS_PER_SECOND = 5 * 238 * 5.7 / 60
#: Of a long output, a part may be enough to decide.
LONGEST_FLOOR = 10.0
#: A median below that is taken for that, so that a pace is a number.
_LEAST_MEDIAN = 0.1


def floor_seconds(characters: Ints) -> Floats:
    """Return the time below which outputs of so many characters cannot have been looked at."""
    return np.minimum(LEAST_SECONDS + characters / CHARACTERS_PER_SECOND, LONGEST_FLOOR)


def pace(columns: Columns) -> Measured:
    """Judgments a minute: 60 by the median of seconds, so that a break does not count."""
    known = ~np.isnan(columns.seconds)
    group, seconds = columns.group[known], columns.seconds[known]
    order = np.argsort(seconds)
    # Of short numbers a stable sort takes one pass.
    short = group[order].astype(np.min_scalar_type(columns.groups))
    order = order[np.argsort(short, kind="stable")]
    count = count_by(group, columns.groups)
    # Places of the two middle ones of each group; they are one for an odd count.
    ends = np.cumsum(count)
    value = np.full(columns.groups, np.nan)
    there = count > 0
    lower, upper = (ends - count + (count - 1) // 2)[there], (ends - count + count // 2)[there]
    sorted_seconds = seconds[order]
    median = (sorted_seconds[lower] + sorted_seconds[upper]) / 2
    value[there] = 60 / np.maximum(median, _LEAST_MEDIAN)
    return Measured(value=value, count=count)


def haste(columns: Columns) -> Measured:
    """The time of each judgment as a share of its floor; the count is the group's timed ones."""
    known = ~np.isnan(columns.seconds)
    timed = count_by(columns.group[known], columns.groups)
    return Measured(
        value=columns.seconds / floor_seconds(columns.characters), count=timed[columns.group]
    )


def quick(columns: Columns) -> Measured:
    """The share of answers below their floor."""
    known = ~np.isnan(columns.seconds)
    group = columns.group[known]
    is_quick = columns.seconds[known] < floor_seconds(columns.characters[known])
    trials = count_by(group, columns.groups).astype(np.float64)
    return share(sum_by(group, is_quick, columns.groups), trials)


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Runs of one button, in order; `start` is the place of the first judgment in the columns."""

    group: Ints
    pressed: Ints
    start: Ints
    length: Ints


def runs(columns: Columns) -> Runs:
    known = np.flatnonzero(columns.pressed != UNKNOWN)
    group, pressed = columns.group[known], columns.pressed[known]
    is_new = np.diff(group, prepend=-1) != 0
    is_new[1:] |= np.diff(pressed) != 0
    starts = np.flatnonzero(is_new)
    return Runs(
        group=group[starts],
        pressed=pressed[starts],
        start=known[starts],
        length=np.diff(starts, append=len(known)),
    )


def longest_run(columns: Columns) -> Measured:
    """The longest run of one button."""
    found = runs(columns)
    count = count_by(columns.group[columns.pressed != UNKNOWN], columns.groups)
    longest = largest_by(found.group, found.length, columns.groups)
    return Measured(value=np.where(count > 0, longest, np.nan), count=count)


def same(columns: Columns) -> Measured:
    """The share of the button that was pressed most."""
    known = columns.pressed != UNKNOWN
    (group, _), times, _ = counted(columns.group[known], columns.pressed[known])
    trials = count_by(columns.group[known], columns.groups).astype(np.float64)
    most = largest_by(group, times, columns.groups).astype(np.float64)
    return share(most, trials)


def side(columns: Columns) -> Measured:
    """The share of left among answers for a side: above a half, left is preferred.

    The mean of two shares, where a was on the left and where b was. As each system stands on both
    sides equally often, one that wins always adds as much to the one as it takes from the other:
    a preference for a system is not taken for one for a side.
    """
    known = (columns.chose_left != UNKNOWN) & (columns.a_left != UNKNOWN)
    parts = []
    for a_left in (1, 0):
        there = known & (columns.a_left == a_left)
        group = columns.group[there]
        trials = count_by(group, columns.groups).astype(np.float64)
        parts.append((sum_by(group, columns.chose_left[there] == 1, columns.groups), trials))
    return mean_of_shares(parts)


def variance(columns: Columns) -> Measured:
    """The sample variance of scores as they were pressed, checks left out. NaN below two.

    On the screen, so that always the same button has none where scores are of a against b, too.
    """
    known = ~np.isnan(columns.score) & (columns.pressed != UNKNOWN) & (columns.check == 0)
    group, score = columns.group[known], columns.pressed[known].astype(np.float64)
    count = count_by(group, columns.groups)
    mean = ratio(sum_by(group, score, columns.groups), count.astype(np.float64))
    squares = sum_by(group, (score - mean[group]) ** 2, columns.groups)
    return Measured(value=ratio(squares, np.maximum(count - 1.0, 0)), count=count)
