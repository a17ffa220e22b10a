"""Which tasks a full design has."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

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
    #: Places on the screen that no system has: what is hidden stands at the last ones.
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


def plan_pairs(*, systems: int, prompts: int) -> TaskPlan:
    """Every pair of systems on every prompt, prompt by prompt."""
    return _on_every_prompt(list(combinations(range(systems), 2)), prompts, size=2)


def plan_singles(*, systems: int, prompts: int) -> TaskPlan:
    """Every system on every prompt, prompt by prompt."""
    return _on_every_prompt([(system,) for system in range(systems)], prompts, size=1)


def _on_every_prompt(each: list[tuple[int, ...]], prompts: int, *, size: int) -> TaskPlan:
    members = np.array(each, dtype=np.int64).reshape(-1, size)
    return TaskPlan(
        prompt=np.repeat(np.arange(prompts), len(each)), members=np.tile(members, (prompts, 1))
    )


def null_pair_count(*, pairs: int, systems: int, prompts: int, share: float) -> int:
    """Return how many pairs of an output with itself there are for a share of the pairs."""
    return min(int(np.ceil(share * pairs)), systems * prompts)


def with_null_pairs(
    pairs: TaskPlan, *, systems: int, prompts: int, share: float, rng: np.random.Generator
) -> TaskPlan:
    """Add pairs of an output with itself, by lot; each system has as many, to within one."""
    count = null_pair_count(pairs=len(pairs.prompt), systems=systems, prompts=prompts, share=share)
    # Dealt in rounds: in each, every system meets a prompt that it has not met before.
    turns = rng.permuted(np.tile(np.arange(prompts), (systems, 1)), axis=1)
    dealt = np.arange(count)
    system = rng.permutation(systems)[dealt % max(systems, 1)]
    prompt = turns[system, dealt // max(systems, 1)]
    both = TaskPlan(
        prompt=np.r_[pairs.prompt, prompt],
        members=np.concatenate([pairs.members, np.column_stack([system, system])]),
    )
    by_prompt = np.argsort(both.prompt, kind="stable")
    return TaskPlan(prompt=both.prompt[by_prompt], members=both.members[by_prompt])
