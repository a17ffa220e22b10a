"""How often each task of a round is asked, in which order, and which side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.design.tasks import Floats, Ints, TaskPlan, numbered


@dataclass(frozen=True, kw_only=True)
class SlotPlan:
    """Parallel arrays, one entry a slot, in the order in which raters meet them."""

    task: Ints
    k: Ints
    #: True: output a stands on the left.
    a_left: NDArray[np.bool_]
    #: [slot, place on the screen]: which of a group's outputs stands there; None: no groups.
    order: Ints | None = None


def plan_slots(
    tasks: TaskPlan, *, target: int, rng: np.random.Generator, lead: Ints | None = None
) -> SlotPlan:
    """Give every pair's task `target` slots, in layers: all tasks in random order, then again.

    Over the slots of a pair of systems, a stands on the left as often as b (to within one); so it
    does within each layer, and, for an even target, within each task. `lead[task]` is by how many
    slots of earlier rounds a led b on the left within the task's pair (-1, 0 or 1): a pair that
    cannot be even now leans the other way, so that it holds over all rounds too.
    """
    count = len(tasks.prompt)
    first_left = _first_sides(tasks, rng, np.zeros(count) if lead is None else lead)
    layers = [rng.permutation(count) for _ in range(target)]
    return SlotPlan(
        task=np.concatenate(layers),
        k=np.repeat(np.arange(target), count),
        a_left=np.concatenate([first_left[layer] ^ (k % 2 == 1) for k, layer in enumerate(layers)]),
    )


def _first_sides(
    tasks: TaskPlan, rng: np.random.Generator, lead: Ints | Floats
) -> NDArray[np.bool_]:
    """Return which tasks show a on the left in the first layer: half of each pair's, by lot.

    Over all layers an odd one out within a pair is met by its opposite in the next layer.
    """
    count = len(tasks.prompt)
    if count == 0:
        return np.ones(0, dtype=np.bool_)
    place, pair = numbered(tasks.members, rng.permutation(count))
    before = np.zeros(pair.max() + 1)
    before[pair] = lead
    coin = np.where(before == 0, rng.integers(0, 2, len(before)), before > 0)
    return np.asarray((place + coin[pair]) % 2 == 0)
