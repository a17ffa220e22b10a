"""A study's judgments as packed counts, so that a page never scans the judgments.

A *cell* counts the judgments with the same prompt, pair, rater, side, answer and day; where a form
asks several things, each question has cells of its own (see `annotation.protocols`, `marks`), and
question 0 counts every judgment once. What is said of a whole group has the group's number in place
of the pair. The cells of all judgments up to a watermark are stored in one row a study; what came
later is read as rows and added in memory, and folded in when it has become much. Judgments are only
added, so the cells never have to be corrected: a judgment that supersedes another counts one for
itself and minus one for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from django.db.models import Count, Max
from numpy.typing import NDArray

from annotation.models import JudgmentQuerySet, Study
from annotation.settled import settled_judgment
from evalsite.lib.db import write_transaction
from ranking.marks import About, Counted, Extra, Marker
from ranking.models import Rollup
from ranking.stats.counts import A_WINS, B_WINS, BOTH_BAD, TIE, Ints
from ranking.stats.group_numbers import group_number

#: So many new judgments are folded into the stored cells by the next reader.
FOLD_AT = 2000
#: So many are folded in one go: what is stored then is not lost to whoever is interrupted.
AT_ONCE = 200_000

#: Where outputs have sides, an answer is `left * values + value`, else the value: for a verdict
#: `left * 4 + outcome`, for a score the score.
OUTCOMES = {"a": A_WINS, "b": B_WINS, "tie": TIE, "both_bad": BOTH_BAD}
#: Stands for a system at the first extra place of a group, the hidden reference; further ones
#: count down from there.
REFERENCE = 2**16 - 1
#: A group's number is kept in a and b: so many in each.
HALF = 2**16
_CELL = np.dtype(
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
#: Cells with the same key are one.
_KEY = ("question", "prompt", "a", "b", "rater", "answer", "day")
_LAST_DAY = 2**16 - 1

Packed = NDArray[np.void]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Parallel arrays, sorted by question, prompt and pair; prompts and so on are numbers.

    Entry i of `prompts`, `raters` and `systems` is the primary key of number i. A study's systems
    come in their order in the study. `day` counts from 1970.
    """

    prompts: list[int]
    raters: list[int]
    systems: list[int]
    rows: Packed
    #: Judgments that were ever given; those corrected since are not in the rows.
    recorded: int = 0

    def of_question(self, question: int) -> Cells:
        return self.only(self.rows["question"] == question)

    def only(self, kept: NDArray[np.bool_]) -> Cells:
        return self if kept.all() else replace(self, rows=self.rows[kept])

    def present(self, name: str) -> int:
        """Return how many different numbers a column has."""
        return int((np.bincount(self.rows[name], minlength=1) > 0).sum())

    def column(self, name: str) -> Ints:
        return self.rows[name].astype(np.int64)

    @property
    def total(self) -> int:
        """How many judgments there are, where the cells are of one question."""
        return int(self.rows["count"].sum(dtype=np.int64))


def read_cells(study: Study) -> Cells:
    """Return the cells of the judgments that stand, of all questions."""
    rollup = Rollup.objects.filter(study=study).first()
    numbering = _Numbering.of(study, rollup)
    later = numbering.later(rollup)[:FOLD_AT]
    tail = list(numbering.marker.counted_with_corrected(later))
    if _judgments(tail) >= FOLD_AT:
        rollup = fold(study)
        numbering = _Numbering.of(study, rollup)
        tail = list(numbering.marker.counted_with_corrected(numbering.later(rollup)))
    recorded = (rollup.recorded if rollup else 0) + _judgments(tail)
    return numbering.cells(_unpacked(rollup), tail, recorded)


def less(study: Study, cells: Cells, judgments: JudgmentQuerySet) -> Cells:
    """Return the cells without these judgments; those that do not stand are not in them."""
    numbering = _Numbering(
        Marker(study), prompts=cells.prompts, raters=cells.raters, systems=cells.systems
    )
    gone = numbering.marker.counted(judgments.counted().current().order_by())
    return numbering.cells(cells.rows, ((row, -count) for row, count in gone), cells.recorded)


def newest(study: Study) -> tuple[int, int]:
    """Return what changes whenever a judgment arrives: the highest id, and how many are new."""
    watermark = Rollup.objects.filter(study=study).values_list("watermark", flat=True).first() or 0
    later = study.judgments.order_by().filter(pk__gt=watermark)
    found = later.aggregate(newest=Max("pk"), count=Count("pk"))
    return found["newest"] or watermark, found["count"]


def fold(study: Study) -> Rollup:
    """Bring the stored cells up to the last judgment that is settled; return them.

    Counted is outside the transaction, which would keep raters from answering for so long.
    """
    settled = settled_judgment()
    while True:
        rollup = Rollup.objects.filter(study=study).first() or Rollup(study=study)
        if settled is None or settled <= rollup.watermark:
            return rollup
        _store(_folded(rollup, settled), after=rollup.watermark)


def _folded(rollup: Rollup, settled: int) -> Rollup:
    """Return the cells with the next judgments in them, as many as are folded at once."""
    numbering = _Numbering.of(rollup.study, rollup)
    later = numbering.later(rollup)
    last = later.values_list("pk", flat=True)[AT_ONCE - 1 : AT_ONCE].first() or settled
    upto = min(last, settled)
    new = later.filter(pk__lte=upto)
    cells = numbering.cells(_unpacked(rollup), numbering.marker.counted_with_corrected(new), 0)
    return Rollup(
        study=rollup.study,
        watermark=upto,
        prompts=cells.prompts,
        raters=cells.raters,
        cells=cells.rows.tobytes(),
        recorded=rollup.recorded + new.count(),
    )


@write_transaction()
def _store(folded: Rollup, *, after: int) -> None:
    """Store the cells, unless somebody else has folded the same judgments meanwhile."""
    Rollup.objects.get_or_create(study=folded.study)
    fields = ("watermark", "prompts", "raters", "cells", "recorded")
    Rollup.objects.filter(study=folded.study, watermark=after).update(
        **{field: getattr(folded, field) for field in fields}
    )


def rebuild(study: Study) -> Rollup:
    """Forget the stored cells and make them from the judgments."""
    Rollup.objects.filter(study=study).delete()
    return fold(study)


def _judgments(tail: list[tuple[tuple[Any, ...], int]]) -> int:
    return sum(count > 0 for _, count in tail)


class _Numbering:
    """Numbers for primary keys, in the order of their first appearance; systems by the study."""

    def __init__(
        self, marker: Marker, *, prompts: list[int], raters: list[int], systems: list[int]
    ) -> None:
        self.marker = marker
        self.groups: dict[tuple[int, ...], tuple[int, int]] = {}
        self.keys = {"prompts": list(prompts), "raters": list(raters), "systems": list(systems)}
        self.place = {
            name: {pk: number for number, pk in enumerate(keys)} for name, keys in self.keys.items()
        }

    @staticmethod
    def of(study: Study, rollup: Rollup | None) -> _Numbering:
        systems = study.study_systems.order_by("position").values_list("system", flat=True)
        return _Numbering(
            Marker(study),
            prompts=rollup.prompts if rollup else [],
            raters=rollup.raters if rollup else [],
            systems=list(systems),
        )

    def later(self, rollup: Rollup | None) -> JudgmentQuerySet:
        """Select the judgments that are not in the stored cells."""
        judgments = self.marker.study.judgments.counted().order_by("pk")
        return judgments.filter(pk__gt=rollup.watermark if rollup else 0)

    def cells(self, rows: Packed, counted: Counted, recorded: int) -> Cells:
        """Return the rows with what is counted besides."""
        new = self.pack(counted)
        if len(new):
            rows = _summed(np.concatenate([rows, new]))
        return Cells(**self.keys, rows=rows, recorded=recorded)

    def number(self, name: str, pk: int) -> int:
        place = self.place[name]
        if pk not in place:
            place[pk] = len(place)
            self.keys[name].append(pk)
        return place[pk]

    def pack(self, counted: Counted) -> Packed:
        cells = (cell for row, count in counted for cell in self._cells(row, count))
        return np.fromiter(cells, dtype=_CELL)

    def _cells(self, row: tuple[Any, ...], count: int) -> Iterator[tuple[int, ...]]:
        task, prompt, a, b, rater, on_date, left, *said = row
        of_prompt, of_rater = self.number("prompts", prompt), self.number("raters", rater)
        day, side = _day(on_date), self.marker.sides[left]
        for question, about, value in self.marker.marks(task, tuple(said)):
            pair = self._pair(about, task, a, b)
            yield question, of_prompt, *pair, of_rater, side + value, day, count

    def _pair(self, about: About, task: int, a: int, b: int | None) -> tuple[int, int]:
        """Return what stands in a and b: a pair of systems, one, an extra place, or a group."""
        if isinstance(about, Extra):
            return REFERENCE - about.number, 0
        if about is not None:
            return self.number("systems", about), 0
        if self.marker.protocol.is_grouped:
            return self._group(self.marker.group(task))
        return self.number("systems", a), 0 if b is None else self.number("systems", b)

    def _group(self, systems: tuple[int, ...]) -> tuple[int, int]:
        if systems not in self.groups:
            numbers = [self.number("systems", system) for system in systems]
            self.groups[systems] = divmod(group_number(numbers), HALF)
        return self.groups[systems]


@cache
def _day(iso_date: str) -> int:
    since_1970 = date.fromisoformat(iso_date).toordinal() - date(1970, 1, 1).toordinal()
    return min(max(since_1970, 0), _LAST_DAY)


def _unpacked(rollup: Rollup | None) -> Packed:
    return np.frombuffer(bytes(rollup.cells) if rollup else b"", dtype=_CELL)


def _summed(rows: Packed) -> Packed:
    """Sort the cells, add up equal ones, and drop those that come to nothing."""
    if len(rows) == 0:
        return rows
    order = np.lexsort([rows[name] for name in reversed(_KEY)])
    rows = rows[order]
    is_new = np.zeros(len(rows), dtype=bool)
    is_new[0] = True
    for name in _KEY:
        is_new[1:] |= rows[name][1:] != rows[name][:-1]
    starts = np.flatnonzero(is_new)
    summed = rows[starts]
    summed["count"] = np.add.reduceat(rows["count"], starts)
    return np.asarray(summed[summed["count"] != 0])
