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

from dataclasses import dataclass, replace

import numpy as np
from django.db.models import Count, Max
from numpy.typing import NDArray

from annotation.models import JudgmentQuerySet, Study
from annotation.settled import settled_judgment
from evalsite.lib.db import write_transaction
from ranking.marks import Given, Marker
from ranking.models import Rollup
from ranking.numbering import CELL, Numbering, Packed
from ranking.stats.counts import A_WINS, B_WINS, BOTH_BAD, TIE, Ints

#: So many new judgments are folded into the stored cells by the next reader.
FOLD_AT = 2000
#: So many are folded in one go: what is stored then is not lost to whoever is interrupted.
AT_ONCE = 200_000

#: Where outputs have sides, an answer is `left * values + value`, else the value: for a verdict
#: `left * 4 + outcome`, for a score the score.
OUTCOMES = {"a": A_WINS, "b": B_WINS, "tie": TIE, "both_bad": BOTH_BAD}
#: Cells with the same key are one.
_KEY = ("question", "prompt", "a", "b", "rater", "answer", "day")


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
    numbering = _numbering(study, rollup)
    later = _later(study, rollup)[:FOLD_AT]
    tail = numbering.marker.given(later, with_corrected=True)
    if _judgments(tail) >= FOLD_AT:
        rollup = fold(study)
        numbering = _numbering(study, rollup)
        tail = numbering.marker.given(_later(study, rollup), with_corrected=True)
    recorded = (rollup.recorded if rollup else 0) + _judgments(tail)
    return _cells(numbering, _unpacked(rollup), tail, recorded)


def less(study: Study, cells: Cells, judgments: JudgmentQuerySet) -> Cells:
    """Return the cells without these judgments; those that do not stand are not in them."""
    numbering = Numbering(
        Marker(study), prompts=cells.prompts, raters=cells.raters, systems=cells.systems
    )
    gone = numbering.marker.given(judgments.counted().current().order_by())
    gone.rows["count"] = -1
    return _cells(numbering, cells.rows, gone, cells.recorded)


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
    numbering = _numbering(rollup.study, rollup)
    later = _later(rollup.study, rollup)
    last = later.values_list("pk", flat=True)[AT_ONCE - 1 : AT_ONCE].first() or settled
    upto = min(last, settled)
    new = numbering.marker.given(later.filter(pk__lte=upto), with_corrected=True)
    cells = _cells(numbering, _unpacked(rollup), new, rollup.recorded + _judgments(new))
    return Rollup(
        study=rollup.study,
        watermark=upto,
        prompts=cells.prompts,
        raters=cells.raters,
        cells=cells.rows.tobytes(),
        recorded=cells.recorded,
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


def _numbering(study: Study, rollup: Rollup | None) -> Numbering:
    systems = study.study_systems.order_by("position").values_list("system", flat=True)
    return Numbering(
        Marker(study),
        prompts=rollup.prompts if rollup else [],
        raters=rollup.raters if rollup else [],
        systems=list(systems),
    )


def _later(study: Study, rollup: Rollup | None) -> JudgmentQuerySet:
    """Select the judgments that are not in the stored cells."""
    judgments = study.judgments.counted().order_by("pk")
    return judgments.filter(pk__gt=rollup.watermark if rollup else 0)


def _cells(numbering: Numbering, rows: Packed, given: Given, recorded: int) -> Cells:
    """Return the rows with what is given besides."""
    new = numbering.packed(given)
    if len(new):
        rows = _summed(np.concatenate([rows, new]))
    return Cells(**numbering.keys, rows=rows, recorded=recorded)


def _judgments(given: Given) -> int:
    return int((given.rows["count"] > 0).sum())


def _unpacked(rollup: Rollup | None) -> Packed:
    return np.frombuffer(bytes(rollup.cells) if rollup else b"", dtype=CELL)


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
