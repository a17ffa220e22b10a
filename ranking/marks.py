"""What of a study's answers is counted, and about which system: the protocol's marks."""

from __future__ import annotations

from functools import cached_property

from annotation.models import Study, TaskOutput
from annotation.protocols import Answer, Mark, protocol_of
from ranking.stats.counts import LEFT_A, LEFT_B, LEFT_UNKNOWN

LEFT = {"": LEFT_UNKNOWN, "a": LEFT_A, "b": LEFT_B}


class Marker:
    """Turns the answers of one study into marks; knows which system stood at a group's place."""

    def __init__(self, study: Study) -> None:
        self.study, self.protocol = study, protocol_of(study)
        values = self.protocol.values if self.protocol.has_sides else 0
        self.sides = {left: number * values for left, number in LEFT.items()}

    def marks(self, task: int, answer: Answer) -> list[Mark]:
        places = len(self._groups.get(task, ())) if self.protocol.is_grouped else 0
        return self.protocol.marks(answer, places=places)

    def side(self, left: str) -> int:
        """Return what is added to a value for what stood on the left."""
        return self.sides[left]

    def system(self, task: int, place: int) -> int | None:
        """Return the system at a place; None: the prompt's reference."""
        systems = self._groups[task]
        return systems[place] if place < len(systems) else None

    @cached_property
    def _groups(self) -> dict[int, list[int | None]]:
        """The systems of each group by place; its reference may have no row (imported)."""
        places = TaskOutput.objects.filter(task__study=self.study).order_by("task", "place")
        found: dict[int, list[int | None]] = {}
        for task, system in places.values_list("task_id", "system_id"):
            found.setdefault(task, []).append(system)
        return found
