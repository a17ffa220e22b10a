"""Tasks as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """Tasks as arrays: entry i is the prompt of task i, and row i its systems in their order."""

    prompt: Ints
    #: [task, output]: one system, two of a pair, or those of a group.
    members: Ints
    #: A group's number on its prompt; None where tasks are not groups.
    group: Ints | None = None
    #: Places on the screen that no system has: a hidden reference stands at the last one.
    extra: int = 0

    @property
    def system_a(self) -> Ints:
        return self.members[:, 0]

    @property
    def system_b(self) -> Ints:
        """Return the second system of each pair; -1 where tasks are not pairs."""
        if self.group is None and self.members.shape[1] == 2:
            return self.members[:, 1]
        return np.full(len(self.prompt), -1)


def numbered(members: Ints, turn: Ints) -> tuple[Ints, Ints]:
    """Number the tasks of equal systems in the order that `turn` lists them.

    Returns each task's number among its equals, and which systems it was.
    """
    _, same = np.unique(members, axis=0, return_inverse=True)
    same = same.reshape(-1)
    order = turn[np.argsort(same[turn], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(same[order]) != 0])
    lengths = np.diff(np.r_[starts, len(order)])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    return place, same
