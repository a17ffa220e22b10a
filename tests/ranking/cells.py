"""Comparisons for tests: from plain rows, and simulated with raters who have tastes."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ranking.stats.bradley_terry import newton
from ranking.stats.counts import A_WINS, B_WINS, LEFT_UNKNOWN, TIE, Comparisons, Floats


def comparisons(rows: list[tuple[int, int, int, int]], systems: int) -> Comparisons:
    """Rows of (rater, a, b, outcome); all on different prompts."""
    columns = np.array(rows, dtype=np.int64).T
    return Comparisons(
        systems=systems,
        raters=int(columns[0].max()) + 1,
        prompts=len(rows),
        rater=columns[0],
        prompt=np.arange(len(rows)),
        a=columns[1],
        b=columns[2],
        left=np.full(len(rows), LEFT_UNKNOWN),
        outcome=columns[3],
        count=np.ones(len(rows), dtype=np.int64),
    )


def simulated(
    rng: np.random.Generator,
    strengths: Floats,
    *,
    raters: int = 40,
    judgments: int = 2000,
    prompts: int = 50,
    ties: float = 0.0,
    taste: float = 0.0,
    prompt_effect: float = 0.0,
    newcomer: int | None = None,
) -> Comparisons:
    """Random pairs; each rater likes each system more or less by a normal of sd `taste`.

    With `newcomer`, the last system is in so many judgments only.
    """
    systems = len(strengths)
    established = systems - (newcomer is not None)
    a = rng.integers(0, established, judgments)
    b = (a + rng.integers(1, established, judgments)) % established
    if newcomer is not None:
        a[:newcomer] = systems - 1
        b[:newcomer] = rng.integers(0, established, newcomer)
    rater, prompt = rng.integers(0, raters, judgments), rng.integers(0, prompts, judgments)
    worth = strengths + rng.normal(0, taste, (raters, systems))[rater]
    worth = worth + rng.normal(0, prompt_effect, (prompts, systems))[prompt]
    row = np.arange(judgments)
    a_wins = rng.random(judgments) < expit(worth[row, a] - worth[row, b])
    outcome = np.where(a_wins, A_WINS, B_WINS)
    outcome[rng.random(judgments) < ties] = TIE
    return Comparisons(
        systems=systems,
        raters=raters,
        prompts=prompts,
        rater=rater,
        prompt=prompt,
        a=a,
        b=b,
        left=np.full(judgments, LEFT_UNKNOWN),
        outcome=outcome,
        count=np.ones(judgments, dtype=np.int64),
    )


def population_strengths(strengths: Floats, *, ties: float = 0.0, spread: float = 0.0) -> Floats:
    """What the model would be fitted to with endless raters: tastes average out on the way."""
    systems = len(strengths)
    rng = np.random.default_rng(99)
    worth = strengths + rng.normal(0, spread, (20_000, systems))
    half_wins = np.zeros((systems, systems))
    for i in range(systems):
        half_wins[i] = expit(worth[:, [i]] - worth).mean(axis=0)
    half_wins = (1 - ties) * half_wins + ties / 2
    np.fill_diagonal(half_wins, 0)
    return newton(1e4 * half_wins, np.zeros(systems)).strengths
