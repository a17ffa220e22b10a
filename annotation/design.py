"""Which tasks, how often, in which order, which side: pure functions, random numbers in.

Systems, prompts and tasks are numbers here; `annotation.launch` turns them into rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """Parallel arrays, one entry a task: its prompt, its first system, its second (-1: none)."""

    prompt: Ints
    system_a: Ints
    system_b: Ints


@dataclass(frozen=True, kw_only=True)
class SlotPlan:
    """Parallel arrays, one entry a slot, in the order in which raters meet them."""

    task: Ints
    k: Ints
    #: True: output a stands on the left.
    a_left: NDArray[np.bool_]


def task_count(*, is_pairwise: bool, systems: int, prompts: int) -> int:
    """Return how many tasks a full design has."""
    return prompts * (systems * (systems - 1) // 2 if is_pairwise else systems)


def plan_tasks(*, is_pairwise: bool, systems: int, prompts: int) -> TaskPlan:
    """Every pair of systems (or every system) on every prompt, prompt by prompt."""
    each = (
        np.array(list(combinations(range(systems), 2)), dtype=np.int64).reshape(-1, 2)
        if is_pairwise
        else np.column_stack([np.arange(systems), np.full(systems, -1)])
    )
    return TaskPlan(
        prompt=np.repeat(np.arange(prompts), len(each)),
        system_a=np.tile(each[:, 0], prompts),
        system_b=np.tile(each[:, 1], prompts),
    )


def plan_slots(tasks: TaskPlan, *, target: int, rng: np.random.Generator) -> SlotPlan:
    """Give every task `target` slots, in layers: all tasks once in random order, then again.

    Over the slots of a pair of systems, a stands on the left as often as b (to within one); so it
    does within each layer, and, for an even target, within each task.
    """
    count = len(tasks.prompt)
    first_left = _first_sides(tasks, rng)
    has_sides = tasks.system_b >= 0
    layers = [rng.permutation(count) for _ in range(target)]
    return SlotPlan(
        task=np.concatenate(layers),
        k=np.repeat(np.arange(target), count),
        a_left=np.concatenate(
            [
                first_left[layer] ^ (has_sides[layer] & (k % 2 == 1))
                for k, layer in enumerate(layers)
            ]
        ),
    )


def _first_sides(tasks: TaskPlan, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which tasks show a on the left in the first layer: half of each pair's, by lot.

    Over all layers an odd one out within a pair is met by its opposite in the next layer.
    """
    sides = np.ones(len(tasks.prompt), dtype=np.bool_)
    if len(sides) == 0 or tasks.system_b[0] < 0:
        return sides
    pair = tasks.system_a * (tasks.system_b.max() + 1) + tasks.system_b
    shuffled = rng.permutation(len(pair))
    order = shuffled[np.argsort(pair[shuffled], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(pair[order]) != 0])
    lengths = np.diff(np.r_[starts, len(order)])
    place = np.arange(len(order)) - np.repeat(starts, lengths)
    coin = np.repeat(rng.integers(0, 2, len(starts)), lengths)
    sides[order] = (place + coin) % 2 == 0
    return sides


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An open slot that a rater could be given."""

    pair: tuple[int, int | None]
    prompt: int
    a_left: bool


def choose_slot(
    candidates: list[Candidate],
    shown: dict[tuple[tuple[int, int | None], bool], int],
    *,
    last_prompt: int | None = None,
) -> int:
    """Return the index of the slot that keeps this rater's sides balanced best.

    `shown[pair, a_left]` counts what the rater has met. Balance within the pair comes first, then
    over all pairs, then a prompt other than the last one, then the stored order.
    """

    def imbalance(index: int) -> tuple[int, int, bool, int]:
        slot = candidates[index]
        sign = 1 if slot.a_left else -1
        within = shown.get((slot.pair, True), 0) - shown.get((slot.pair, False), 0)
        overall = sum(n if a_left else -n for (_, a_left), n in shown.items())
        return abs(within + sign), abs(overall + sign), slot.prompt == last_prompt, index

    return min(range(len(candidates)), key=imbalance)
