"""Raters of four kinds, over tasks whose truth is known to the simulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.quality.columns import GOLD, Columns
from tests.quality.columns import make_columns

LEFT, RIGHT, TIE, BOTH_BAD = range(4)
#: A good rater says what the task deserves so often, and something else by lot otherwise.
SKILL = 0.75
CHECK_EVERY = 10


def simulate_pairwise(
    kinds: list[str], *, tasks: int, per_rater: int, rng: np.random.Generator
) -> Columns:
    """Every rater judges `per_rater` of the tasks; one in ten is gold. a is better in 60 %."""
    truth = rng.choice(3, tasks, p=[0.55, 0.3, 0.15])  # a, b, tie
    gold = np.arange(tasks) % CHECK_EVERY == 0
    truth[gold] = rng.integers(0, 2, gold.sum())
    rater, task, pressed, a_left, seconds = ([] for _ in range(5))
    for who, kind in enumerate(kinds):
        own = rng.permutation(tasks)[:per_rater]
        sides = rng.permutation(np.arange(per_rater) % 2)
        says = _press(kind, truth[own], gold[own], sides, rng)
        rater += [who] * per_rater
        task += own.tolist()
        pressed += says.tolist()
        a_left += sides.tolist()
        seconds += (_pace(kind) * rng.lognormal(0, 0.5, per_rater)).tolist()
    return _columns(rater, task, pressed, a_left, seconds, truth, gold)


def _press(kind, truth, gold, a_left, rng) -> Any:
    n = len(truth)
    if kind == "clicker":
        return rng.integers(0, 4, n)
    if kind == "straight-liner":
        return np.full(n, TIE)
    if kind == "left-clicker":
        return np.where(rng.random(n) < 0.92, LEFT, RIGHT)
    skill = np.where(gold, 0.95, SKILL)
    says = np.where(rng.random(n) < skill, truth, rng.integers(0, 3, n))
    is_left = (says == 0) == (a_left == 1)
    return np.where(says == 2, TIE, np.where(is_left, LEFT, RIGHT))


def _pace(kind: str) -> float:
    return 2.0 if kind == "clicker" else 15.0


def _columns(rater, task, pressed, a_left, seconds, truth, gold) -> Columns:
    pressed, a_left, task = (np.array(column) for column in (pressed, a_left, task))
    is_side = pressed <= RIGHT
    is_a = (pressed == LEFT) == (a_left == 1)
    answer = np.where(is_side, np.where(is_a, 0, 1), pressed)
    off = np.where(answer == truth[task], 0.0, np.inf)
    return make_columns(
        rater,
        task=task,
        answer=answer,
        pressed=pressed,
        chose_left=np.where(is_side, pressed == LEFT, -1),
        a_left=a_left,
        seconds=seconds,
        characters=[600] * len(task),
        check=np.where(gold[task], GOLD, 0),
        off=np.where(gold[task], off, np.nan),
    )


def simulate_scores(kinds: list[str], *, tasks: int, rng: np.random.Generator) -> Columns:
    """Every rater scores every task from 1 to 5; ten in twelve count, two are gold."""
    truth = rng.uniform(1, 5, tasks)
    gold = np.arange(tasks) % 6 == 0
    columns: dict[str, list[Any]] = {name: [] for name in ("rater", "task", "score", "seconds")}
    for who, kind in enumerate(kinds):
        own = rng.permutation(tasks)
        columns["rater"] += [who] * tasks
        columns["task"] += own.tolist()
        columns["score"] += _score(kind, truth[own], rng).tolist()
        columns["seconds"] += rng.lognormal(np.log(12), 0.4, tasks).tolist()
    task, score = np.array(columns["task"]), np.array(columns["score"], dtype=float)
    known = np.rint(truth)[task]
    return make_columns(
        columns["rater"],
        task=task,
        system=task % 5,
        answer=score.astype(int),
        pressed=score.astype(int),
        score=score,
        seconds=columns["seconds"],
        check=np.where(gold[task], GOLD, 0),
        off=np.where(gold[task], np.abs(score - known), np.nan),
    )


def _score(kind: str, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if kind == "clicker":
        return rng.integers(1, 6, len(truth))
    if kind == "straight-liner":
        return np.full(len(truth), 4)
    return np.clip(np.rint(truth + rng.normal(0, 0.5, len(truth))), 1, 5)
