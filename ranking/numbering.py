"""Judgments as cells: what is given, with small numbers in place of primary keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.marks import WHOLE, Given, Marked, Marker
from ranking.stats.counts import Ints
from ranking.stats.group_numbers import group_number

#: Stands for a system at the first extra place of a group, the hidden reference; further ones
#: count down from there.
REFERENCE = 2**16 - 1
#: A group's number is kept in a and b: so many in each.
HALF = 2**16
CELL = np.dtype(
    [
        ("question", "u1"),
        ("prompt", "<u4"),
        ("a", "<u2"),
        ("b", "<u2"),
        ("rater", "<u4"),
        ("answer", "u1"),
        ("day", "<u2"),
        ("count", "<i4"),
    ]
)

Packed = NDArray[np.void]


class Numbering:
    """Numbers for primary keys, in the order of their first appearance; systems by the study."""

    def __init__(
        self, marker: Marker, *, prompts: list[int], raters: list[int], systems: list[int]
    ) -> None:
        self.marker = marker
        self.keys = {"prompts": list(prompts), "raters": list(raters), "systems": list(systems)}
        self.place = {
            name: {pk: number for number, pk in enumerate(keys)} for name, keys in self.keys.items()
        }

    def packed(self, given: Given) -> Packed:
        """Return a cell for each mark. Raises `OverflowError` for a number that no cell holds."""
        rows, marked = given.rows, self.marker.marked(given)
        a, b = self._about(rows, marked).T
        columns = {
            "question": marked.question,
            "prompt": self._numbers("prompts", rows["prompt"])[marked.row],
            "a": a,
            "b": b,
            "rater": self._numbers("raters", rows["rater"])[marked.row],
            "answer": marked.answer,
            "day": marked.day,
            "count": rows["count"][marked.row],
        }
        cells = np.zeros(len(marked.row), dtype=CELL)
        for name, column in columns.items():
            cells[name] = _fitting(name, column)
        return cells

    def _numbers(self, name: str, keys: Ints) -> Ints:
        known, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        for key in known[np.argsort(first)].tolist():
            self._number(name, key)
        numbers = [self.place[name][key] for key in known.tolist()]
        return np.array(numbers, dtype=np.int64)[inverse]

    def _number(self, name: str, key: int) -> int:
        place = self.place[name]
        if key not in place:
            place[key] = len(place)
            self.keys[name].append(key)
        return place[key]

    def _about(self, rows: Packed, marked: Marked) -> Ints:
        """Return what stands in a and b [marks, 2]: systems, one, an extra place, or a group."""
        if self.marker.protocol.is_grouped:
            tasks, task = np.unique(rows["task"], return_inverse=True)
            return self._of_groups(tasks.tolist(), marked.place)[task[marked.row], marked.place]
        systems = np.zeros((len(rows), 2), dtype=np.int64)
        systems[:, 0] = self._numbers("systems", rows["a"])
        has_two = rows["b"] > 0
        systems[has_two, 1] = self._numbers("systems", rows["b"][has_two])
        return systems[marked.row]

    def _of_groups(self, tasks: list[int], places: Ints) -> Ints:
        """Return what stands in a and b for each place of groups, and at `WHOLE` for all of it.

        [tasks, places and one, 2]; whose places are asked for decides how many there are.
        """
        count, has_whole = int(places.max(initial=WHOLE)) + 1, bool((places == WHOLE).any())
        extra = range(REFERENCE, REFERENCE - count, -1)
        table = np.zeros((len(tasks), count + 1, 2), dtype=np.int64)
        for row, task in zip(table, tasks, strict=True):
            group = [self._number("systems", system) for system in self.marker.group(task)]
            row[:count, 0] = [*group, *extra][:count]
            if has_whole:
                row[WHOLE] = divmod(group_number(group), HALF)
        return table


def _fitting(name: str, column: Ints) -> Ints:
    """Return the column; raise `OverflowError` where numpy would silently wrap a number around."""
    bounds = np.iinfo(CELL[name])
    if len(column) and not (bounds.min <= column.min() and column.max() <= bounds.max):
        raise OverflowError(f"{name} is beyond {bounds.min} to {bounds.max}")
    return column
