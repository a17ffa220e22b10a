"""Which tasks, how often, in which order, which side: pure functions, random numbers in.

Systems, prompts and tasks are numbers here; `annotation.launch` turns them into rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


#: Adaptive pairs: so much of every round is spread evenly over the pairs.
UNIFORM_SHARE = 0.2
#: Adaptive pairs: a round asks for so many judgments of each system, about.
JUDGMENTS_A_ROUND = 30


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


def round_size(*, systems: int, target: int) -> int:
    """Return how many tasks a round of adaptive pairs has: enough to join all systems."""
    return max(systems, -(-JUDGMENTS_A_ROUND * systems // (2 * target)))


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Tasks of one round, and how probable it was, before the draw, that each would be in it."""

    tasks: TaskPlan
    chance: Floats


def plan_first_round(*, systems: int, prompts: int, count: int, rng: np.random.Generator) -> Draw:
    """Draw `count` tasks evenly: every pair equally often to within one, on prompts by lot.

    The pairs that are asked once more follow a round robin over the systems in random order, so
    systems too are asked equally often to within one (two, if they are odd in number), and
    `systems - 1` tasks join them all. Every task is equally probable.
    """
    pairs = pair_numbers(systems)
    number = np.full(systems * (systems - 1) // 2, count // len(pairs[0]))
    place = rng.permutation(systems)
    for i, j in round_robin(systems)[: count - int(number.sum())]:
        a, b = sorted((place[i], place[j]))
        number[pairs[2][a, b]] += 1
    available = np.ones((len(number), prompts), dtype=np.bool_)
    chance = np.full(len(number), count / available.size)
    return _on_prompts(pairs, number, available, chance, rng)


def draw_tasks(
    chances: Floats, available: NDArray[np.bool_], *, count: int, rng: np.random.Generator
) -> Draw:
    """Draw `count` tasks (or all, if fewer are left) from chances of pairs, none of them twice.

    `chances` [systems, systems] is symmetric and says how often a pair is to be asked;
    `available` [pairs, prompts] which tasks are left, pairs as numbered by `pair_numbers`. A pair's
    number of tasks is its expected one rounded up or down (systematic sampling; Madow, 1949), its
    prompts are by lot; a pair that has too few left gives all, and the others make up for it.
    Raises `ValueError` for chances that leave out what is available.
    """
    pairs = pair_numbers(len(chances))
    weights = chances[pairs[0], pairs[1]]
    left = available.sum(axis=1)
    if not (np.isfinite(weights).all() and (weights[left > 0] > 0).all()):
        raise ValueError("a pair that can be asked has no chance")
    expected = _expected(weights, left, min(count, int(left.sum())))
    number = _rounded(expected, rng)
    return _on_prompts(pairs, number, available, expected / np.maximum(left, 1), rng)


def pair_numbers(systems: int) -> tuple[Ints, Ints, Ints]:
    """Return the first and the second system of each pair, and [a, b]: the number of the pair."""
    first, second = np.triu_indices(systems, 1)
    number = np.zeros((systems, systems), dtype=np.int64)
    number[first, second] = np.arange(len(first))
    return first, second, number


def round_robin(systems: int) -> list[tuple[int, int]]:
    """Return all pairs in the order of a tournament: in each of its rounds everybody plays once.

    By the circle method; two rounds in a row make one chain through all systems.
    """
    circle = systems + systems % 2
    pairs = []
    for turn in range(circle - 1):
        seats = [circle - 1, *((turn + k) % (circle - 1) for k in range(circle - 1))]
        games = [(seats[0], seats[1])]
        games += [(seats[k], seats[circle + 1 - k]) for k in range(2, circle // 2 + 1)]
        pairs += [game for game in games if max(game) < systems]
    return pairs


def _expected(weights: Floats, left: Ints, count: int) -> Floats:
    """Return how many tasks of each pair are expected: by weight, never more than are left."""
    full = left == 0
    expected = np.zeros(len(left))
    for _ in range(len(left) + 1):
        open_weights = np.where(full, 0.0, weights)
        rest = count - left[full].sum()
        share = open_weights / (open_weights.sum() or 1.0)
        expected = np.where(full, left, rest * share)
        over = expected > left
        if not over.any():
            break
        full |= over
    return expected


def _rounded(expected: Floats, rng: np.random.Generator) -> Ints:
    """Round each number up or down by lot, so that its mean and the whole sum stay as they are."""
    whole = np.floor(expected + 1e-9).astype(np.int64)
    order = rng.permutation(len(expected))
    total = np.cumsum(np.maximum(expected - whole, 0)[order])
    total[-1:] = np.round(total[-1:])
    crossed = np.floor(total + rng.random() * (1 - 1e-9))
    number = whole.copy()
    number[order] += np.diff(crossed, prepend=0).astype(np.int64)
    return number


def _on_prompts(
    pairs: tuple[Ints, Ints, Ints],
    number: Ints,
    available: NDArray[np.bool_],
    chance: Floats,
    rng: np.random.Generator,
) -> Draw:
    """Choose prompts for `number` tasks of each pair; list the tasks prompt by prompt."""
    asked = np.flatnonzero(number)
    prompt = np.concatenate(
        [np.zeros(0, dtype=np.int64)]
        + [rng.permutation(np.flatnonzero(available[pair]))[: number[pair]] for pair in asked]
    )
    pair = np.repeat(asked, number[asked])
    order = np.lexsort((pair, prompt))
    prompt, pair = prompt[order], pair[order]
    return Draw(
        tasks=TaskPlan(prompt=prompt, system_a=pairs[0][pair], system_b=pairs[1][pair]),
        chance=chance[pair],
    )


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
    sides = np.ones(len(tasks.prompt), dtype=np.bool_)
    if len(sides) == 0:
        return sides
    pair = tasks.system_a * (tasks.system_b.max() + 1) + tasks.system_b
    shuffled = rng.permutation(len(pair))
    order = shuffled[np.argsort(pair[shuffled], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(pair[order]) != 0])
    lengths = np.diff(np.r_[starts, len(order)])
    place = np.arange(len(order)) - np.repeat(starts, lengths)
    before = lead[order][starts]
    coin = np.where(before == 0, rng.integers(0, 2, len(starts)), before > 0)
    coin = np.repeat(coin, lengths)
    sides[order] = (place + coin) % 2 == 0
    return sides


Pair = tuple[int, int | None]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An open slot that a rater could be given."""

    pair: Pair
    prompt: int
    a_left: bool
    category: str = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a rater has judged so far."""

    #: By pair: how much more often a stood on the left than b.
    lead: Mapping[Pair, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    last_pair: Pair | None = None
    last_prompt: int | None = None


def choose_slot(
    candidates: Sequence[Candidate], seen: Seen, *, shares: Mapping[str, float] | None = None
) -> int:
    """Return the index of the slot that suits this rater best.

    Not the pair of the last task again; then no category that is a task or more ahead of its share
    (of `shares`, by name; None: there are no categories), but one that is behind; then sides in
    balance, within the pair and over all pairs; then not the last prompt; then the stored order.
    """
    overall = sum(seen.lead.values())
    after = sum(seen.categories.values()) + 1

    def unsuited(index: int) -> tuple[bool, int, int, int, bool, int]:
        slot = candidates[index]
        sign = 1 if slot.a_left else -1
        return (
            slot.pair == seen.last_pair,
            _surplus(slot.category, seen, shares, after) if shares else 0,
            abs(seen.lead.get(slot.pair, 0) + sign),
            abs(overall + sign),
            slot.prompt == seen.last_prompt,
            index,
        )

    return min(range(len(candidates)), key=unsuited)


def _surplus(category: str, seen: Seen, shares: Mapping[str, float], after: int) -> int:
    """Return where the category would be then: 0 within a task of its share, 1 ahead, -1 behind.

    (2 and on: more than three tasks ahead, and so on.)
    """
    surplus = seen.categories.get(category, 0) + 1 - shares.get(category, 0) * after
    return math.floor((surplus + 1) / 2)
