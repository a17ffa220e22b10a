"""What of a study's answers is counted, and about which system: the protocol's marks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from django.db.models import F, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Substr

from annotation.models import JudgmentQuerySet, Study, TaskOutput
from annotation.protocols import Answer, Mark, protocol_of
from evalsite.lib.db import raw_rows
from ranking.stats.counts import LEFT_A, LEFT_B, LEFT_UNKNOWN


class Extra(NamedTuple):
    """A place of a group where no system's output stands: a hidden reference, say; from 0."""

    number: int


#: A system's primary key, an extra place, or the whole task.
About = int | Extra | None

LEFT = {"": LEFT_UNKNOWN, "a": LEFT_A, "b": LEFT_B}

#: What is read of a judgment first; then come the day, what stood on the left, and what was said.
_OF_TASK = ("task", "task__prompt", "task__system_a", "task__system_b", "rater")
#: So many different answers are remembered with their marks: most of a study's are alike.
_REMEMBERED = 2**16

#: What is read of a judgment, and how much it counts.
Counted = Iterable[tuple[tuple[Any, ...], int]]


class Marker:
    """Turns the answers of one study into marks; knows which system stood at a group's place."""

    def __init__(self, study: Study) -> None:
        self.study, self.protocol = study, protocol_of(study)
        values = self.protocol.values if self.protocol.has_sides else 0
        #: What is added to a value for what stood on the left.
        self.sides = {left: number * values for left, number in LEFT.items()}
        self._remembered = lru_cache(_REMEMBERED)(self._marks)

    def counted(self, judgments: JudgmentQuerySet) -> Counted:
        """Yield what is read of each judgment, as the driver gives it, for `marks`."""
        for row in raw_rows(judgments.values_list(*_OF_TASK, *self._of_judgment())):
            yield row, 1

    def counted_with_corrected(self, judgments: JudgmentQuerySet) -> Counted:
        """Yield the same, and for a correction also what it takes back."""
        own, corrected = self._of_judgment(), self._of_judgment("supersedes__")
        width, of_task = len(_OF_TASK) + len(own), len(_OF_TASK)
        for row in raw_rows(judgments.values_list(*_OF_TASK, *own, *corrected)):
            yield row[:width], 1
            if row[width] is not None:
                yield (*row[:of_task], *row[width:]), -1

    def _of_judgment(self, of: str = "") -> list[Combinable]:
        """Return the expressions for day, left, verdict, score and perhaps more of a judgment."""
        # Texts, for what Django makes of a million moments and of JSON takes longer than the rest.
        day = Substr(Cast(f"{of}created_at", TextField()), 1, len("2000-01-01"))
        read: list[Combinable] = [day, *(F(f"{of}{name}") for name in ("left", "verdict", "score"))]
        if self.protocol.counts_more:
            read.append(Cast(f"{of}answer", TextField()))
        return read

    def marks(self, task: int, said: tuple[Any, ...]) -> Iterator[tuple[int, About, int]]:
        """Yield question, what it is about, and value of verdict, score and perhaps more.

        What it is about is a system, an `Extra` place of a group, or None: the task itself.
        """
        places = len(self._groups[task]) if self.protocol.is_grouped else 0
        for question, place, value in self._remembered(places, *said):
            yield question, None if place is None else self._at(task, place), value

    def group(self, task: int) -> tuple[int, ...]:
        """Return the systems of a group, as its places have them."""
        return tuple(system for system in self._groups[task] if system is not None)

    def _marks(self, places: int, verdict: str, score: int | None, more: str = "{}") -> list[Mark]:
        answer = Answer(verdict=verdict, score=score, more=json.loads(more))
        return self.protocol.marks(answer, places=places)

    def _at(self, task: int, place: int) -> int | Extra:
        """Return the system at a place or, beyond the systems, which extra place it is."""
        systems = self.group(task)
        return systems[place] if place < len(systems) else Extra(place - len(systems))

    @cached_property
    def _groups(self) -> dict[int, list[int | None]]:
        """The systems of each group by place; extra places may have no row (imported)."""
        places = TaskOutput.objects.filter(task__study=self.study).order_by("task", "place")
        found: dict[int, list[int | None]] = {}
        for task, system in places.values_list("task_id", "system_id"):
            found.setdefault(task, []).append(system)
        return found
