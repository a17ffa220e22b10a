"""The power of a planned study by simulation: judgments are drawn and read as a report does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.counts import A_WINS, B_WINS, LEFT_UNKNOWN, TIE, Comparisons, Floats, Ints
from ranking.stats.exceptions import NotConnected, NotConverged
from ranking.stats.intervals import contrast_intervals
from ranking.stats.planning import Design, Effect, Reading
from ranking.stats.sandwich import sandwich
from ranking.stats.sequences import Sequence


@dataclass(frozen=True, kw_only=True)
class SimulatedPower:
    """The share of simulated studies that found the better system, and its standard error."""

    value: float
    error: float
    runs: int


def simulate_power(
    effect: Effect, *, raters: int, reading: Reading, runs: int, rng: np.random.Generator
) -> SimulatedPower:
    """Draw `runs` studies and read each as a report does, by the clustered sandwich.

    Raises `NotPossible` where the stated correlation cannot be had beside the margin.
    """
    study = Simulation(effect=effect, raters=raters)
    found = sum(_is_found(study.draw(rng), reading, effect.margin, rng) for _ in range(runs))
    value = found / runs
    return SimulatedPower(value=value, error=float(np.sqrt(value * (1 - value) / runs)), runs=runs)


def _is_found(data: Comparisons, reading: Reading, margin: float, rng: np.random.Generator) -> bool:
    """Return whether the interval of the first win rate minus the second is above zero."""
    try:
        fit = fit_bradley_terry(data.counts.half_wins)
    except (NotConnected, NotConverged):
        return False
    cov = sandwich(fit, data)
    contrast = (fit.win_rate_gradient[0] - fit.win_rate_gradient[1])[None]
    value = fit.win_rates[:1] - fit.win_rates[1:2]
    level = 1 - (1 - reading.level) / reading.comparisons
    if not reading.at_any_time:
        return bool(contrast_intervals(value, contrast, cov, level=level, rng=rng).low[0] > 0)
    errors = np.sqrt(cov.variance(contrast))
    sequence = Sequence.tuned(margin, level=reading.level, comparisons=reading.comparisons)
    return bool(value[0] > sequence.half_widths(errors, np.array([cov.degrees + 1.0]))[0])


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Studies of one design, in which raters and prompts favour each system by a normal taste.

    Over all tastes a pair's expected share is exactly that of the effect.
    """

    effect: Effect
    raters: int

    @property
    def design(self) -> Design:
        return self.effect.design

    @cached_property
    def log_odds(self) -> Floats:
        """Return [i, j]: the log-odds of a win among judgments that are no ties, without tastes."""
        return self.effect.tastes.log_odds(self.effect.expected)

    def draw(self, rng: np.random.Generator) -> Comparisons:
        """Return one study's judgments: each rater's at random, each pair as often as any other."""
        design, judgments = self.design, self.raters * self.design.per_rater
        pair, prompt = self._tasks(judgments, rng)
        first, second = np.triu_indices(design.systems, 1)
        a, b = first[pair], second[pair]
        rater = np.repeat(np.arange(self.raters), design.per_rater)
        log_odds = self.log_odds[a, b]
        for number, count, spread in (
            (rater, self.raters, self.effect.tastes.spreads[0]),
            (prompt, design.prompts or judgments, self.effect.tastes.spreads[1]),
        ):
            if spread:
                taste = rng.normal(0, spread, (count, design.systems))
                log_odds = log_odds + taste[number, a] - taste[number, b]
        outcome = np.where(rng.random(judgments) < expit(log_odds), A_WINS, B_WINS)
        outcome[rng.random(judgments) < design.ties] = TIE
        return Comparisons(
            systems=design.systems,
            raters=self.raters,
            prompts=design.prompts or judgments,
            rater=rater,
            prompt=prompt,
            a=a,
            b=b,
            left=np.full(judgments, LEFT_UNKNOWN),
            outcome=outcome,
            count=np.ones(judgments, dtype=np.int64),
        )

    def _tasks(self, judgments: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Return each judgment's pair and prompt: all tasks once in random order, then again."""
        if self.design.tasks is None:
            pair = rng.permutation(np.arange(judgments) % self.design.pairs)
            return pair, np.arange(judgments)
        layers = -(-judgments // self.design.tasks)
        order = [rng.permutation(self.design.tasks) for _ in range(layers)]
        task = np.concatenate(order)[:judgments]
        return task % self.design.pairs, task // self.design.pairs
