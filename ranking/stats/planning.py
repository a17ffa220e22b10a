"""How many judgments, by how many raters, a pairwise study needs: by formula.

Of two systems one is better by a margin, the difference of their win rates; all others stand in
the middle. With d the difference of strengths that gives the margin, the study's judgments N
spread evenly over the pairs, and g the gradient of the difference of win rates:

    e        = expected share of a meeting [i, j], a tie half: expit(strength i - strength j)
    v        = e (1 - e) - ties / 4: variance of one judgment in wins, a tie half of one
    B        = inverse information of one judgment, A = the same with v in place of e (1 - e)
    variance = g' B A B g / N * (1 + (m - 1) c_rater + (k - 1) c_prompt)

for m judgments a rater and k a prompt. At a small margin this is the textbook's
N = 4 (z_level + z_power)^2 (systems - 1) deff / ((1 - ties) delta^2), with delta the log-odds of
judgments that are no ties.

The correlation that a user states is that of two judgments of one rater on the same pair of
systems. It comes from tastes: a rater likes each system a little more or less. Judgments of
other pairs share one system at most, so that with many systems far less of it reaches a
difference:

    c = rho v0 |q|^2 / (2 g' B A B g), v0 = (1 - ties) / 4, q = L B g / pairs

with L the Laplacian of the pairs' swings: how far tastes move a pair, 1 for equal systems and less
for lopsided ones. For two equal systems c is rho; for M it is about rho / (M - 1).

Power is that of the report's interval: the standard error varies as the root of a chi-squared
with raters (or prompts, if fewer) minus one degrees of freedom, and the quantile is Student's.
Below fifteen raters the report widens intervals further, so power is a little less.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import chi2, norm
from scipy.stats import t as student

from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.counts import Floats
from ranking.stats.exceptions import NotPossible
from ranking.stats.fits import Fit
from ranking.stats.sequences import Sequence
from ranking.stats.tastes import Tastes

MOST_RATERS = 10_000_000
#: Differences of strengths beyond that are not planned for: 5 losses in 100,000.
_FAR = 10.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_WEIGHTS = _WEIGHTS / 2


@dataclass(frozen=True, kw_only=True)
class Design:
    """A balanced pairwise study. Raises `NotPossible` where no such study can be.

    `ties` is the share of judgments that prefer neither; `per_rater` the judgments of one rater.
    Correlations are those of two judgments of the same pair, by one rater or on one prompt.
    Without `prompts` each judgment has a prompt of its own.
    """

    systems: int
    ties: float = 0.0
    per_rater: int = 1
    rater_correlation: float = 0.0
    prompts: int | None = None
    prompt_correlation: float = 0.0

    def __post_init__(self) -> None:
        if self.systems < 2:
            raise NotPossible("a comparison needs two systems")
        if not 0 <= self.ties < 1:
            raise NotPossible(f"a share of ties of {self.ties} is not within 0 and 1")
        for name in ("rater_correlation", "prompt_correlation"):
            if not 0 <= getattr(self, name) < 1:
                raise NotPossible(f"a correlation of {getattr(self, name)} is not within 0 and 1")
        if self.per_rater < 1:
            raise NotPossible("a rater gives at least one judgment")
        if self.prompts is not None and self.prompts < 2:
            raise NotPossible("a study needs two prompts")
        if self.tasks is not None and self.per_rater > self.tasks:
            raise NotPossible(
                f"a rater meets no task twice, and there are {self.tasks} tasks for "
                f"{self.per_rater} judgments"
            )

    @property
    def pairs(self) -> int:
        return self.systems * (self.systems - 1) // 2

    @property
    def tasks(self) -> int | None:
        return None if self.prompts is None else self.pairs * self.prompts

    @property
    def largest_margin(self) -> float:
        """All judgments that are no ties prefer the better one to the worse one."""
        d = np.log((1 - self.ties / 2) / (self.ties / 2)) if self.ties else _FAR
        return _margin(min(float(d), _FAR), self.systems)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the study will be read: once, by the report's interval, or at any time.

    `comparisons` differences are to hold at once (Bonferroni). At any time it is by the confidence
    sequence that is tightest where the standard error is the margin; power is then that of the
    last look, which earlier ones can only add to.
    """

    level: float = 0.95
    comparisons: int = 1
    at_any_time: bool = False

    def half_widths(self, errors: Floats, degrees: int, margin: float) -> Floats:
        """Return how far from zero a difference with such standard errors must be."""
        if self.at_any_time:
            sequence = Sequence.tuned(margin, level=self.level, comparisons=self.comparisons)
            return sequence.half_widths(errors, np.full(len(errors), degrees + 1.0))
        tail = (1 - self.level) / self.comparisons / 2
        return np.asarray(errors * student.ppf(1 - tail, degrees))


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A margin in a design: what the judgments would show, and the variance of the difference."""

    design: Design
    margin: float

    def __post_init__(self) -> None:
        if not 0 < self.margin < self.design.largest_margin:
            raise NotPossible(
                f"a difference of win rates of {self.margin} is not within 0 and "
                f"{self.design.largest_margin:.3f}, the most that {self.design.systems} systems "
                f"and a share of ties of {self.design.ties} allow"
            )

    @cached_property
    def gap(self) -> float:
        """The difference of strengths, log-odds with ties as half wins."""
        size = self.design.systems
        return float(brentq(lambda d: _margin(d, size) - self.margin, 0.0, _FAR))

    @cached_property
    def expected(self) -> Floats:
        """Return [i, j]: the share of a meeting that i wins from j; the best is 0, the worst 1."""
        strengths = np.zeros(self.design.systems)
        strengths[:2] = self.gap / 2, -self.gap / 2
        return np.asarray(expit(strengths[:, None] - strengths[None, :]))

    @cached_property
    def variance(self) -> float:
        """The variance of the difference of win rates, times judgments, if all are independent."""
        spread = self.expected * (1 - self.expected) - self.design.ties / 4
        return float(self._pull @ self._laplacian(spread) @ self._pull)

    @cached_property
    def tastes(self) -> Tastes:
        return Tastes(
            ties=self.design.ties,
            rater_correlation=self.design.rater_correlation,
            prompt_correlation=self.design.prompt_correlation,
        )

    @cached_property
    def correlations(self) -> tuple[float, float]:
        """How two judgments of a rater, and on a prompt, correlate in what they say of the margin.

        Those of the design, for a pair of equal systems; less for more systems.
        """
        design, swings = self.design, self.tastes.swing(self.expected)
        rater, prompt = (self._laplacian(swing) @ self._pull for swing in swings)
        scale = (1 - design.ties) / 4 / (2 * self.variance)
        return (
            design.rater_correlation * scale * float(rater @ rater),
            design.prompt_correlation * scale * float(prompt @ prompt),
        )

    @cached_property
    def _fit(self) -> Fit:
        """Return the engine's fit to what one judgment is expected to show."""
        shares = self.expected * (1 - np.eye(self.design.systems))
        return fit_bradley_terry(shares / self.design.pairs)

    @cached_property
    def _pull(self) -> Floats:
        gradient = self._fit.win_rate_gradient
        return np.asarray(self._fit.bread @ (gradient[0] - gradient[1]))

    def _laplacian(self, weights: Floats) -> Floats:
        """Return the Laplacian of weights [i, j] of pairs, a judgment's mean."""
        each = weights * (1 - np.eye(self.design.systems)) / self.design.pairs
        return np.asarray(np.diag(each.sum(axis=1)) - each)


def _margin(gap: float, systems: int) -> float:
    """Return the difference of win rates of systems `gap` apart, the others in the middle."""
    return float((np.tanh(gap / 2) + (systems - 2) * np.tanh(gap / 4)) / (systems - 1))


def power(effect: Effect, raters: int, reading: Reading) -> float:
    """Return the chance that the better system is found to be better by so many raters."""
    design, degrees = effect.design, raters - 1
    judgments = raters * design.per_rater
    rater, prompt = effect.correlations
    by_rater, by_prompt, seen = 1 + (design.per_rater - 1) * rater, 0.0, 0.0
    if design.prompts is not None and judgments > design.prompts:
        by_prompt = (judgments / design.prompts - 1) * prompt
        seen = _seen(by_prompt, design.prompts)
        degrees = min(raters, design.prompts) - 1
    unit = effect.variance / judgments
    error = np.sqrt(unit * (by_rater + by_prompt))
    reported = np.sqrt(unit * (by_rater + seen) * _variation(degrees))
    beyond = (effect.margin - reading.half_widths(reported, degrees, effect.margin)) / error
    return float(_WEIGHTS @ norm.cdf(beyond))


def _seen(by_prompt: float, prompts: int) -> float:
    """Return the mean of what prompts seem to add to the variance, which is never below zero.

    The estimate is nearly normal around the truth; where there is nothing to add, the report
    adds the noise that is above zero.
    """
    noise = (1 + by_prompt) * np.sqrt(2 / (prompts - 1))
    z = by_prompt / noise
    return float(by_prompt * norm.cdf(z) + noise * norm.pdf(z))


def _variation(degrees: int) -> Floats:
    """Return chi-squared over its degrees of freedom at the quadrature's nodes."""
    return np.asarray(chi2.ppf((1 + _NODES) / 2, degrees) / degrees)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a study takes, and the power that it then has."""

    design: Design
    margin: float
    raters: int
    judgments: int
    power: float

    @property
    def per_pair(self) -> float:
        return self.judgments / self.design.pairs

    @property
    def per_task(self) -> float | None:
        """Judgments of each task: every pair of systems on every prompt."""
        return None if self.design.tasks is None else self.judgments / self.design.tasks


def plan(design: Design, margin: float, *, wanted: float, reading: Reading) -> Plan:
    """Return the smallest study with the wanted power. Raises `NotPossible` where none has it."""
    effect = Effect(design=design, margin=margin)
    if not 0 < wanted < 1:
        raise NotPossible(f"a power of {wanted} is not within 0 and 1")
    low, high = 1, 2
    while power(effect, high, reading) < wanted:
        low, high = high, 2 * high
        if high > MOST_RATERS:
            raise NotPossible(
                f"a power of {wanted} at a margin of {margin} takes more than {MOST_RATERS:,} "
                "raters; take a larger margin, or more prompts"
            )
    while high - low > 1:
        middle = (low + high) // 2
        is_enough = power(effect, middle, reading) >= wanted
        low, high = (low, middle) if is_enough else (middle, high)
    return of_size(design, margin, raters=high, reading=reading)


def of_size(design: Design, margin: float, *, raters: int, reading: Reading) -> Plan:
    """Return the plan of a study with so many raters. Raises `NotPossible` below two."""
    if raters < 2:
        raise NotPossible("intervals need two raters")
    effect = Effect(design=design, margin=margin)
    return Plan(
        design=design,
        margin=margin,
        raters=raters,
        judgments=raters * design.per_rater,
        power=power(effect, raters, reading),
    )


def detectable_margin(design: Design, *, raters: int, wanted: float, reading: Reading) -> float:
    """Return the smallest margin that so many raters find with the wanted power.

    Raises `NotPossible` where they find none.
    """
    if raters < 2:
        raise NotPossible("intervals need two raters")

    def lack(margin: float) -> float:
        return power(Effect(design=design, margin=margin), raters, reading) - wanted

    most = design.largest_margin * (1 - 1e-6)
    if lack(most) < 0:
        raise NotPossible(f"{raters} raters find no difference with a power of {wanted}")
    return float(brentq(lack, most * 1e-6, most, xtol=1e-6))
