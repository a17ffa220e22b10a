"""A study's judgments as parallel arrays: what every measure reads, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Values of `Columns.check`: what the rater's answer was checked against, if anything.
TARGET, GOLD, ATTENTION, REPEAT = 0, 1, 2, 3
#: Where a number is not known, in columns of whole numbers.
UNKNOWN = -1


@dataclass(frozen=True, kw_only=True)
class Columns:
    """One entry a judgment, [n], sorted by rater and then as they were given.

    Measures are taken for each *group*: a rater, or a stretch of a rater's judgments. Groups are
    numbered without gaps and in order, like raters, tasks and systems.
    """

    judgment: Ints
    rater: Ints
    raters: int
    task: Ints
    #: The condition: a system, or a pair of them.
    system: Ints
    #: What was said of the task: equal numbers, equal answers.
    answer: Ints
    #: What was pressed on the screen, so that left is left; `UNKNOWN` where no side is stored.
    #: Scores are as far apart as their numbers.
    pressed: Ints
    #: 1: left was chosen; 0: right; `UNKNOWN`: neither, or no side is stored.
    chose_left: Ints
    #: 1: the task's output a stood on the left; 0: b; `UNKNOWN`.
    a_left: Ints
    #: NaN where the protocol has none, or it was not measured.
    score: Floats
    seconds: Floats
    #: Characters of the outputs on the screen; 0 where they are not stored.
    characters: Ints
    check: Ints
    #: How far the answer is from the nearest right one: 0 is right, infinity is wrong where
    #: answers have no distance; NaN without a known answer.
    off: Floats
    #: What MUSHRA's hidden reference and its mid anchor got; NaN where there is none.
    reference: Floats
    anchor: Floats
    group: Ints
    groups: int
    #: Judgments that each group has.
    sizes: Ints = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", count_by(self.group, self.groups))

    def __len__(self) -> int:
        return len(self.judgment)

    def in_stretches(self, per: int) -> Columns:
        """Return the same judgments in groups of `per` in a row by one rater; the last is short."""
        if len(self) == 0:
            return replace(self, groups=0)
        starts = np.flatnonzero(np.diff(self.rater, prepend=-1))
        place = np.arange(len(self)) - np.repeat(starts, np.diff(starts, append=len(self)))
        is_new = (place % per) == 0
        return replace(self, group=np.cumsum(is_new) - 1, groups=int(is_new.sum()))

    @property
    def group_rater(self) -> Ints:
        """Return the rater of each group, [groups]; `UNKNOWN` for one without judgments."""
        found = np.full(self.groups, UNKNOWN)
        found[self.group] = self.rater
        return found

    @property
    def group_start(self) -> Ints:
        """Return the first judgment of each group, [groups]; 0 for one without judgments."""
        found = np.zeros(self.groups, dtype=np.int64)
        found[self.group[::-1]] = self.judgment[::-1]
        return found


def count_by(group: Ints, groups: int) -> Ints:
    return np.bincount(group, minlength=groups)


def sum_by(group: Ints, values: Floats | Bools, groups: int) -> Floats:
    return np.bincount(group, values, minlength=groups).astype(np.float64)


def largest_by(group: Ints, values: Ints, groups: int) -> Ints:
    """Return the largest value of each group, 0 for an empty one; `group` is sorted."""
    found = np.zeros(groups, dtype=np.int64)
    if len(group):
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        found[group[starts]] = np.maximum.reduceat(values, starts)
    return found


def counted(*columns: Ints) -> tuple[list[Ints], Ints, Ints]:
    """Return the distinct rows of the columns, how often each is there, and which each row is.

    The last is [n], numbers of distinct rows. Columns hold numbers from 0.
    """
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        key = key * (int(column.max(initial=0)) + 1) + column
    first, which, times = _distinct(key)
    return [column[first] for column in columns], times, which


def _distinct(key: Ints) -> tuple[Ints, Ints, Ints]:
    """Return where each distinct key stands first, which each is, and how often: as `np.unique`.

    The place goes into the key's lower bits, where there is room: numbers are sorted several times
    as fast as they are sorted with their places.
    """
    bits = len(key).bit_length()
    if int(key.max(initial=0)) >> (63 - bits):
        _, first, which, times = np.unique(
            key, return_index=True, return_inverse=True, return_counts=True
        )
        return first, which, times
    ordered = np.sort((key << bits) | np.arange(len(key)))
    place, ordered = ordered & ((1 << bits) - 1), ordered >> bits
    is_new = np.diff(ordered, prepend=-1) != 0
    starts = np.flatnonzero(is_new)
    which = np.empty(len(key), dtype=np.int64)
    which[place] = np.cumsum(is_new) - 1
    return place[starts], which, np.diff(starts, append=len(key))
