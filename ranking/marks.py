"""What of a study's answers is counted, and about which place: the protocol's marks, as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from django.db.models import F, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Substr
from numpy.typing import NDArray

from annotation.models import JudgmentQuerySet, Study, TaskOutput
from annotation.protocols import Answer, protocol_of
from evalsite.lib.db import raw_rows
from ranking.stats.counts import LEFT_A, LEFT_B, LEFT_UNKNOWN, Ints

LEFT = {"": LEFT_UNKNOWN, "a": LEFT_A, "b": LEFT_B}
#: A mark's place where it is about the whole task.
WHOLE = -1

#: What is read of a judgment besides what was said.
_OF_TASK = ("task", "task__prompt", "task__system_a", "task__system_b", "rater")
#: Primary keys, 0 for no second system; then the place of what was said, and what the row counts.
_GIVEN = np.dtype([(n, "<i8") for n in ("task", "prompt", "a", "b", "rater", "said", "count")])
_LAST_DAY = 2**16 - 1

#: The date, what stood on the left, verdict, score and perhaps the rest as JSON.
Said = tuple[Any, ...]


class Given(NamedTuple):
    """Judgments: a row for each, and one of -1 for what a correction takes back."""

    rows: NDArray[np.void]
    #: All that is said in the rows, each once.
    said: list[Said]


class Marked(NamedTuple):
    """Marks of given judgments: parallel arrays, with the row that each is of."""

    row: Ints
    question: Ints
    place: Ints
    #: With the side that was on the left: see `ranking.rollups`.
    answer: Ints
    day: Ints


class Marker:
    """Turns the answers of one study into marks; knows which system stood at a group's place."""

    def __init__(self, study: Study) -> None:
        self.study, self.protocol = study, protocol_of(study)
        values = self.protocol.values if self.protocol.has_sides else 0
        #: What is added to a value for what stood on the left.
        self.sides = {left: number * values for left, number in LEFT.items()}

    def given(self, judgments: JudgmentQuerySet, *, with_corrected: bool = False) -> Given:
        """Read the judgments, and with them those that they correct."""
        said: dict[Said, int] = {}
        return Given(
            rows=np.fromiter(self._rows(judgments, said, with_corrected), dtype=_GIVEN),
            said=list(said),
        )

    def _rows(
        self, judgments: JudgmentQuerySet, said: dict[Said, int], with_corrected: bool
    ) -> Iterator[tuple[int, ...]]:
        own = self._said()
        corrected = self._said("supersedes__") if with_corrected else []
        begin, end = len(_OF_TASK), len(_OF_TASK) + len(own)
        for row in raw_rows(judgments.values_list(*_OF_TASK, *own, *corrected)):
            task, prompt, a, b, rater = row[:begin]
            yield task, prompt, a, b or 0, rater, said.setdefault(row[begin:end], len(said)), 1
            if with_corrected and row[end] is not None:
                place = said.setdefault(row[end:], len(said))
                yield task, prompt, a, b or 0, rater, place, -1

    def _said(self, of: str = "") -> list[Combinable]:
        """Return the expressions for what a judgment says."""
        # Texts, for what Django makes of a million moments and of JSON takes longer than the rest.
        day = Substr(Cast(f"{of}created_at", TextField()), 1, len("2000-01-01"))
        read: list[Combinable] = [day, *(F(f"{of}{name}") for name in ("left", "verdict", "score"))]
        if self.protocol.counts_more:
            read.append(Cast(f"{of}answer", TextField()))
        return read

    def marked(self, given: Given) -> Marked:
        """Return all marks of the judgments, in their order; each kind of answer is read once."""
        rows, kinds_apart = given.rows, max(len(given.said), 1)
        known, kind = np.unique(
            self._places(rows["task"]) * kinds_apart + rows["said"], return_inverse=True
        )
        marks = [self._marks(code // kinds_apart, given.said[code % kinds_apart]) for code in known]
        lengths = np.array([len(found) for found in marks], dtype=np.int64)
        flat = np.array([mark for found in marks for mark in found], dtype=np.int64).reshape(-1, 4)
        row = np.repeat(np.arange(len(rows)), lengths[kind])
        # Where a kind's marks begin among all; where a row's marks begin in what is returned.
        begins, starts = (np.cumsum(n) - n for n in (lengths, lengths[kind]))
        return Marked(row, *flat[begins[kind][row] + np.arange(len(row)) - starts[row]].T)

    def _marks(self, places: int, said: Said) -> list[tuple[int, int, int, int]]:
        on_date, left, verdict, score, *more = said
        answer = Answer(verdict=verdict, score=score, more=json.loads(more[0]) if more else {})
        day, side = _day(on_date), self.sides[left]
        return [
            (mark.question, WHOLE if mark.place is None else mark.place, side + mark.value, day)
            for mark in self.protocol.marks(answer, places=places)
        ]

    def _places(self, tasks: Ints) -> Ints:
        """Return how many places each task has; 0 where the protocol has no groups."""
        if not self.protocol.is_grouped:
            return np.zeros(len(tasks), dtype=np.int64)
        known, inverse = np.unique(tasks, return_inverse=True)
        return np.array([len(self._groups[t]) for t in known.tolist()], dtype=np.int64)[inverse]

    def group(self, task: int) -> tuple[int, ...]:
        """Return the systems of a group, as its places have them; extra places come behind."""
        return tuple(system for system in self._groups[task] if system is not None)

    @cached_property
    def _groups(self) -> dict[int, list[int | None]]:
        """The systems of each group by place; extra places may have no row (imported)."""
        places = TaskOutput.objects.filter(task__study=self.study).order_by("task", "place")
        found: dict[int, list[int | None]] = {}
        for task, system in places.values_list("task_id", "system_id"):
            found.setdefault(task, []).append(system)
        return found


@cache
def _day(iso_date: str) -> int:
    since_1970 = date.fromisoformat(iso_date).toordinal() - date(1970, 1, 1).toordinal()
    return min(max(since_1970, 0), _LAST_DAY)
