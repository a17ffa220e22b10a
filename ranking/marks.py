"""What of a study's answers is counted, and about which system: the protocol's marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from annotation.models import Study, TaskOutput
from annotation.protocols import Answer, Mark, protocol_of
from ranking.stats.counts import LEFT_A, LEFT_B, LEFT_UNKNOWN


class Extra(NamedTuple):
    """A place of a group where no system's output stands: a hidden reference, say; from 0."""

    number: int


#: A system's primary key, an extra place, or the whole task.
About = int | Extra | None

LEFT = {"": LEFT_UNKNOWN, "a": LEFT_A, "b": LEFT_B}

#: What is read of a judgment: of its task and rater, when and how it was shown, what was said.
_OF_TASK = ("task", "task__prompt", "task__system_a", "task__system_b", "rater")
_OF_JUDGMENT = ("created_at", "left", "verdict", "score")

#: Rows of the fields of a judgment that stands, and how much each counts.
Counted = Iterable[tuple[tuple[Any, ...], int]]


class Marker:
    """Turns the answers of one study into marks; knows which system stood at a group's place."""

    def __init__(self, study: Study) -> None:
        self.study, self.protocol = study, protocol_of(study)
        values = self.protocol.values if self.protocol.has_sides else 0
        #: What is added to a value for what stood on the left.
        self.sides = {left: number * values for left, number in LEFT.items()}
        # Most studies need no more than verdict and score, and JSON takes long to read.
        more = ("answer",) if self.protocol.counts_more else ()
        self._of_judgment = (*_OF_JUDGMENT, *more)
        self._known: dict[tuple[Any, ...], list[Mark]] = {}

    @property
    def fields(self) -> tuple[str, ...]:
        return (*_OF_TASK, *self._of_judgment)

    @property
    def fields_with_corrected(self) -> tuple[str, ...]:
        """The fields, then those of the judgment that this one corrects."""
        return (*self.fields, *(f"supersedes__{name}" for name in self._of_judgment))

    def counted(self, rows: Iterable[tuple[Any, ...]]) -> Counted:
        """Yield what to count, and by how much: a correction takes back what it corrects."""
        width, of_task = len(self.fields), len(_OF_TASK)
        for row in rows:
            yield row[:width], 1
            if row[width] is not None:
                yield (*row[:of_task], *row[width:]), -1

    def marks(self, task: int, said: tuple[Any, ...]) -> Iterator[tuple[int, About, int]]:
        """Yield question, what it is about, and value of verdict, score and perhaps more.

        What it is about is a system, an `Extra` place of a group, or None: the task itself.
        """
        for question, place, value in self._marks(task, said):
            yield question, None if place is None else self._at(task, place), value

    def group(self, task: int) -> tuple[int, ...]:
        """Return the systems of a group, as its places have them."""
        return tuple(system for system in self._groups[task] if system is not None)

    def _marks(self, task: int, said: tuple[Any, ...]) -> list[Mark]:
        if self.protocol.counts_more:
            answer = Answer(verdict=said[0], score=said[1], more=said[2])
            places = len(self._groups[task]) if self.protocol.is_grouped else 0
            return self.protocol.marks(answer, places=places)
        if said not in self._known:
            answer = Answer(verdict=said[0], score=said[1])
            self._known[said] = self.protocol.marks(answer, places=0)
        return self._known[said]

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
