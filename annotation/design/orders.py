"""The order of all tasks of a design, of which any stretch can be had without the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from annotation.design.slots import SlotPlan
from annotation.design.tasks import Ints, TaskPlan


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Some tasks in their order, and how each is shown to its first rater."""

    tasks: TaskPlan
    #: True: the task's output a stands on the left.
    a_left: NDArray[np.bool_]
    #: [task, place on the screen]: which of a group's outputs stands there; None: no groups.
    order: Ints | None = None

    def __len__(self) -> int:
        return len(self.a_left)

    def only(self, kept: Ints) -> Stretch:
        """Return the tasks that `kept` numbers, in its order."""
        tasks = self.tasks
        return Stretch(
            tasks=TaskPlan(
                prompt=tasks.prompt[kept],
                members=tasks.members[kept],
                group=None if tasks.group is None else tasks.group[kept],
                extra=tasks.extra,
            ),
            a_left=self.a_left[kept],
            order=None if self.order is None else self.order[kept],
        )

    def without(self, systems: set[int]) -> Stretch:
        """Leave out the tasks about any of `systems`."""
        is_about = np.isin(self.tasks.members, list(systems)).any(axis=1)
        return self.only(np.flatnonzero(~is_about))


@dataclass(frozen=True, kw_only=True)
class Order(ABC):
    """What the whole order follows from. A budget of tasks is its beginning."""

    #: What the plan calls the rule.
    name: ClassVar[str]

    systems: int
    prompts: int
    seed: int

    @property
    @abstractmethod
    def count(self) -> int:
        """How many tasks there are in all."""

    @property
    @abstractmethod
    def fewest(self) -> int:
        """How many tasks, from the beginning, it takes to ask about all systems."""

    @abstractmethod
    def stretch(self, start: int, stop: int) -> Stretch:
        """Return the tasks from place `start` up to `stop` of the order; both within it."""

    @abstractmethod
    def count_about(self, start: int, stop: int, systems: set[int]) -> int:
        """Return how many tasks from place `start` up to `stop` are about any of `systems`."""


def layers(part: Stretch, *, target: int) -> SlotPlan:
    """Give every task of the stretch `target` slots: all tasks once, then again.

    From layer to layer the sides of a task change places, and the outputs of a group move on by
    one. Groups come prompt after prompt in the order, but not on the ring: there the first group
    of every prompt comes before the second of any.
    """
    count, group = len(part), part.tasks.group
    ring = np.arange(count) if group is None else np.argsort(group, kind="stable")
    k = np.repeat(np.arange(target), count)
    has_sides = np.tile(part.tasks.system_b >= 0, target)
    return SlotPlan(
        task=np.tile(ring, target),
        k=k,
        a_left=np.tile(part.a_left[ring], target) ^ (has_sides & (k % 2 == 1)),
        order=None
        if part.order is None
        else np.concatenate([np.roll(part.order[ring], -turn, axis=1) for turn in range(target)]),
    )
