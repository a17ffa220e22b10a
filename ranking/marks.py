"""What of a study's answers is counted, and about which system: the protocol's marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from annotation.models import Study, TaskOutput
from annotation.protocols import Answer, Mark, protocol_of
from ranking.stats.counts import LEFT_A, LEFT_B, LEFT_UNKNOWN

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

    def marks(self, task: int, said: tuple[Any, ...]) -> Iterator[tuple[int, int | str, int]]:
        """Yield question, system and value of verdict, score and perhaps more.

        The system is -1 where the task's own is meant, and a role (`Protocol.hidden`) for what
        hides behind the systems.
        """
        for question, place, value in self._marks(task, said):
            yield question, -1 if place is None else self._system(task, place), value

    def _marks(self, task: int, said: tuple[Any, ...]) -> list[Mark]:
        if self.protocol.counts_more:
            answer = Answer(verdict=said[0], score=said[1], more=said[2])
            places = len(self._groups[task]) if self.protocol.is_grouped else 0
            return self.protocol.marks(answer, places=places)
        if said not in self._known:
            answer = Answer(verdict=said[0], score=said[1])
            self._known[said] = self.protocol.marks(answer, places=0)
        return self._known[said]

    def _system(self, task: int, place: int) -> int | str:
        systems = self._groups[task]
        if place < len(systems):
            return systems[place]
        return self.protocol.hidden[place - len(systems)]

    @cached_property
    def _groups(self) -> dict[int, list[int]]:
        """The systems of each group by place; what hides there may have no rows (imported)."""
        of_systems = TaskOutput.objects.filter(task__study=self.study, system__isnull=False)
        places = of_systems.order_by("task", "place")
        found: dict[int, list[int]] = {}
        for task, system in places.values_list("task_id", "system_id"):
            found.setdefault(task, []).append(system)
        return found
