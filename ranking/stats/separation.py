"""Bounds where no finite estimate exists: some systems never lost to the others, or never won."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from ranking.stats.connectivity import strata
from ranking.stats.counts import Counts, Floats

#: Keeps the other systems finite while one group's shift is profiled.
_RIDGE = 1e-4
#: Shifts are looked for within so many logits; beyond, a share is 0 or 1 to ten digits.
_FAR = 25.0
_BISECTIONS = 40
_STEPS = 60


@dataclass(frozen=True, kw_only=True)
class OneSided:
    """Bounds [systems] of win rates; NaN-free: `is_lower` and `is_upper` say which hold."""

    low: Floats
    high: Floats
    is_lower: NDArray[np.bool_]
    is_upper: NDArray[np.bool_]


def one_sided_win_rates(counts: Counts, *, units: float, level: float = 0.95) -> OneSided:
    """Return a bound for systems that never lost to, or never beat, those outside their group.

    By profile likelihood (Venzon and Moolgavkar, 1988) of the shift between such a group and the
    rest. The likelihood is tempered so that all judgments weigh as much as `units`, the number of
    raters: where nothing varies, nothing shows that a rater's judgments are independent.
    """
    half_wins = counts.half_wins
    label = strata(half_wins)
    size = len(half_wins)
    low, high = np.zeros(size), np.ones(size)
    is_lower, is_upper = np.zeros((2, size), dtype=bool)
    weight = min(1.0, units / (half_wins.sum() or 1.0))
    for group in range(label.max() + 1):
        inside = label == group
        across = half_wins[np.ix_(~inside, inside)], half_wins[np.ix_(inside, ~inside)]
        lost, won = across[0].sum() > 0, across[1].sum() > 0
        if lost == won:
            continue
        sign = 1.0 if won else -1.0
        rates = _at_the_bound(half_wins * weight, inside, sign, level)
        (low if won else high)[inside] = rates[inside]
        (is_lower if won else is_upper)[inside] = True
    return OneSided(low=low, high=high, is_lower=is_lower, is_upper=is_upper)


def _at_the_bound(
    half_wins: Floats, inside: NDArray[np.bool_], sign: float, level: float
) -> Floats:
    """Return win rates where the profile has fallen by the one-sided quantile."""
    contrast = np.where(inside, 1 / inside.sum(), -1 / (~inside).sum())
    # The likelihood is the chance of what was seen: for two systems that bound is exact.
    drop = -np.log(1 - level)
    near, far = 0.0 - _FAR, _FAR
    best = _profile(half_wins, contrast, sign * _FAR)[1]
    for _ in range(_BISECTIONS):
        middle = (near + far) / 2
        if best - _profile(half_wins, contrast, sign * middle)[1] > drop:
            near = middle
        else:
            far = middle
    strengths = _profile(half_wins, contrast, sign * near)[0]
    p = expit(strengths[:, None] - strengths[None, :])
    return np.asarray((p.sum(axis=1) - 0.5) / (len(p) - 1))


def _profile(half_wins: Floats, contrast: Floats, shift: float) -> tuple[Floats, float]:
    """Maximise the likelihood under `contrast @ strengths = shift`; return where, and how high."""
    size = len(half_wins)
    strengths = contrast * shift / (contrast @ contrast)
    meetings = half_wins + half_wins.T
    system = np.zeros((size + 1, size + 1))
    system[size, :size] = system[:size, size] = contrast
    for _ in range(_STEPS):
        p = expit(strengths[:, None] - strengths[None, :])
        gradient = (half_wins - meetings * p).sum(axis=1) - _RIDGE * strengths
        weight = meetings * p * (1 - p)
        system[:size, :size] = np.diag(weight.sum(axis=1) + _RIDGE) - weight
        step = np.linalg.solve(system, np.append(gradient, 0.0))[:size]
        strengths = strengths + step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-9:
            break
    difference = strengths[:, None] - strengths[None, :]
    return strengths, float((half_wins * log_expit(difference)).sum())
