"""How often each task, in which order, which side; and which slot a rater is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.design.groups import Orders, places_by_lot
from annotation.design.tasks import Floats, Ints, TaskPlan


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
    """Give every task `target` slots, in layers: all tasks once in random order, then again.

    Over the slots of a pair of systems, a stands on the left as often as b (to within one); so it
    does within each layer, and, for an even target, within each task. `lead[task]` is by how many
    slots of earlier rounds a led b on the left within the task's pair (-1, 0 or 1): a pair that
    cannot be even now leans the other way, so that it holds over all rounds too. Over the slots of
    a group of systems, in each layer, each stands at each place as often, to within one.
    """
    count = len(tasks.prompt)
    first_left = _first_sides(tasks, rng, np.zeros(count) if lead is None else lead)
    has_sides = tasks.system_b >= 0
    layers = [rng.permutation(count) for _ in range(target)]
    orders = None if tasks.group is None else Orders(tasks, rng)
    return SlotPlan(
        task=np.concatenate(layers),
        k=np.repeat(np.arange(target), count),
        a_left=np.concatenate(
            [
                first_left[layer] ^ (has_sides[layer] & (k % 2 == 1))
                for k, layer in enumerate(layers)
            ]
        ),
        order=np.concatenate([orders.of(layer, k) for k, layer in enumerate(layers)])
        if orders
        else None,
    )


def _first_sides(
    tasks: TaskPlan, rng: np.random.Generator, lead: Ints | Floats
) -> NDArray[np.bool_]:
    """Return which tasks show a on the left in the first layer: half of each pair's, by lot.

    Over all layers an odd one out within a pair is met by its opposite in the next layer.
    """
    sides = np.ones(len(tasks.prompt), dtype=np.bool_)
    if len(sides) == 0 or tasks.system_b[0] < 0:
        return sides
    place, pair = places_by_lot(tasks.members, rng)
    before = np.zeros(pair.max() + 1)
    before[pair] = lead
    coin = np.where(before == 0, rng.integers(0, 2, len(before)), before > 0)
    return np.asarray((place + coin[pair]) % 2 == 0)


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
