"""Adaptive pairs: rounds of tasks, each drawn with chances that are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.design.tasks import Floats, Ints, TaskPlan

#: So much of every round is spread evenly over the pairs.
UNIFORM_SHARE = 0.2
#: A round asks for so many judgments of each system, about.
JUDGMENTS_A_ROUND = 30


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
        tasks=TaskPlan(prompt=prompt, members=np.column_stack([pairs[0][pair], pairs[1][pair]])),
        chance=chance[pair],
    )
