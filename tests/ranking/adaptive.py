"""Adaptive studies without a database: rounds drawn, judged by simulated raters, and weighed."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from annotation.design import UNIFORM_SHARE, Draw, draw_tasks, pair_numbers, plan_first_round
from ranking.stats.bradley_terry import newton
from ranking.stats.counts import A_WINS, B_WINS, LEFT_UNKNOWN, Comparisons, Floats
from ranking.stats.pairing import inverse_chance_weights, pair_chances


class Simulated:
    """A study of `prompts` prompts whose tasks come in rounds, `target` judgments each.

    `logits` [systems, systems] says how often i beats j, so that they need not fit any strengths;
    each rater likes each system more or less by a normal of sd `taste`.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        logits: Floats,
        *,
        prompts: int = 100,
        target: int = 3,
        raters: int = 40,
        taste: float = 0.0,
    ) -> None:
        self.rng, self.logits = rng, logits
        self.prompts, self.target, self.raters = prompts, target, raters
        self.tastes = rng.normal(0, taste, (raters, len(logits)))
        self.available = np.ones((len(logits) * (len(logits) - 1) // 2, prompts), dtype=bool)
        self.rows: list[np.ndarray] = []
        self.turns: list[np.ndarray] = []
        self.chances: list[np.ndarray] = []

    def ask(self, draw: Draw) -> None:
        plan, rng = draw.tasks, self.rng
        number = pair_numbers(len(self.logits))[2][plan.system_a, plan.system_b]
        assert self.available[number, plan.prompt].all()
        self.available[number, plan.prompt] = False
        a, b = (np.repeat(s, self.target) for s in (plan.system_a, plan.system_b))
        # Distinct raters for one task: consecutive ones from a random start.
        start = np.repeat(rng.integers(0, self.raters, len(number)), self.target)
        rater = (start + np.tile(np.arange(self.target), len(number))) % self.raters
        logit = self.logits[a, b] + self.tastes[rater, a] - self.tastes[rater, b]
        outcome = np.where(rng.random(len(a)) < expit(logit), A_WINS, B_WINS)
        prompt = np.repeat(plan.prompt, self.target)
        self.rows.append(np.column_stack([rater, prompt, a, b, outcome]))
        self.turns.append(np.full(len(number), len(self.turns) + 1))
        self.chances.append(draw.chance)

    def first_round(self, count: int) -> None:
        self.ask(
            plan_first_round(
                systems=len(self.logits), prompts=self.prompts, count=count, rng=self.rng
            )
        )

    def next_round(self, count: int, *, rule: str) -> None:
        chances = pair_chances(self.tallied().counts, rule=rule, uniform_share=UNIFORM_SHARE)
        self.ask(draw_tasks(chances, self.available, count=count, rng=self.rng))

    def tallied(self) -> Comparisons:
        rater, prompt, a, b, outcome = np.concatenate(self.rows).T
        return Comparisons(
            systems=len(self.logits),
            raters=self.raters,
            prompts=self.prompts,
            rater=rater,
            prompt=prompt,
            a=a,
            b=b,
            left=np.full(len(a), LEFT_UNKNOWN),
            outcome=outcome,
            count=np.ones(len(a), dtype=np.int64),
        )

    def weights(self) -> Floats:
        turn, chance = np.concatenate(self.turns), np.concatenate(self.chances)
        return inverse_chance_weights(turn, chance, pool=self.available.size)

    def weighted(self) -> Comparisons:
        return self.tallied().weighted(np.repeat(self.weights(), self.target))


def adaptive_study(
    rng: np.random.Generator, logits: Floats, *, budget: int, size: int, rule: str, **kwargs: float
) -> Simulated:
    """Ask a first even round, then rounds by `rule` (`even`: one even round) up to the budget."""
    study = Simulated(rng, logits, **kwargs)  # type: ignore[arg-type]
    study.first_round(budget if rule == "even" else size)
    while (asked := sum(map(len, study.chances))) < budget:
        study.next_round(min(size, budget - asked), rule=rule)
    return study


def differences(strengths: Floats) -> Floats:
    return strengths[:, None] - strengths[None, :]


def evenly_asked(logits: Floats) -> Floats:
    """Return the strengths that endless even judgments would be fitted with."""
    half_wins = 1e4 * expit(logits)
    np.fill_diagonal(half_wins, 0)
    return newton(half_wins, np.zeros(len(logits))).strengths
