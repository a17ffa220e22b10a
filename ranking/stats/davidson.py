"""Davidson's model: Bradley-Terry with a probability of ties (Davidson, 1970)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.stats.bradley_terry import (
    GRADIENT_TOLERANCE,
    MAX_STEPS,
    fit_bradley_terry,
)
from ranking.stats.counts import Counts, Floats
from ranking.stats.exceptions import NotConverged, NotEnoughData
from ranking.stats.fits import Fit


@dataclass(frozen=True, kw_only=True)
class _Chances:
    """At given parameters, [i, j]: i wins, they tie, and the share expected of i."""

    win: Floats
    tie: Floats
    share: Floats


def _chances(strengths: Floats, log_tie: float) -> _Chances:
    half = (strengths[:, None] - strengths[None, :]) / 2
    # Divided by the largest term, so that nothing overflows.
    top = np.maximum(np.abs(half), log_tie)
    win, loss, tie = np.exp(half - top), np.exp(-half - top), np.exp(log_tie - top)
    total = win + loss + tie
    return _Chances(win=win / total, tie=tie / total, share=(win + tie / 2) / total)


def fit_davidson(counts: Counts) -> Fit:
    """Fit strengths and nu, P(tie) being proportional to nu times the root of both worths.

    A judgment that both are bad counts as a tie. Raises as `fit_bradley_terry` does, and
    `NotEnoughData` where there is no tie or nothing else.
    """
    drawn = float(counts.drawn.sum()) / 2
    if drawn == 0 or counts.wins.sum() == 0:
        raise NotEnoughData("the tie parameter needs ties, and judgments that are none")
    start = fit_bradley_terry(counts.half_wins)
    share = drawn / (float(counts.meetings.sum()) / 2)
    theta = np.append(start.strengths, np.log(2 * share / (1 - share)))
    precision = start.prior_precision
    for step in range(MAX_STEPS):
        gradient, information = _derivatives(counts, theta, precision)
        norm = float(np.linalg.norm(gradient))
        if norm < max(GRADIENT_TOLERANCE, 1e-13 * counts.meetings.sum()):
            return _fit(counts, theta, precision, norm, step)
        theta = theta + _bounded(_step(information, gradient, precision))
        theta[:-1] -= theta[:-1].mean()
    raise NotConverged(f"the gradient's norm is {norm:.1e} after {MAX_STEPS} steps")


def _derivatives(counts: Counts, theta: Floats, precision: float) -> tuple[Floats, Floats]:
    """Return gradient and information by strengths and log nu; the prior is in the gradient."""
    n, size = counts.meetings, len(theta) - 1
    c = _chances(theta[:-1], theta[-1])
    gradient = np.append(
        counts.half_wins.sum(axis=1) - (n * c.share).sum(axis=1) - precision * theta[:-1],
        (counts.drawn.sum() - (n * c.tie).sum()) / 2,
    )
    weight = n * (c.win + c.tie / 4 - c.share**2)
    information = np.empty((size + 1, size + 1))
    information[:size, :size] = np.diag(weight.sum(axis=1)) - weight
    information[:size, size] = (n * c.tie * (0.5 - c.share)).sum(axis=1)
    information[size, :size] = information[:size, size]
    information[size, size] = (n * c.tie * (1 - c.tie)).sum() / 2
    return gradient, information


def _step(information: Floats, gradient: Floats, precision: float) -> Floats:
    size = len(gradient) - 1
    filled = information.copy()
    filled[:size, :size] += np.trace(information) / size**2
    filled[np.diag_indices(size)] += precision
    return np.asarray(np.linalg.solve(filled, gradient), dtype=np.float64)


def _bounded(step: Floats) -> Floats:
    return step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))


def _fit(counts: Counts, theta: Floats, precision: float, norm: float, steps: int) -> Fit:
    strengths, log_tie = theta[:-1], float(theta[-1])
    c = _chances(strengths, log_tie)
    information = _derivatives(counts, theta, 0.0)[1]
    return Fit(
        strengths=strengths,
        expected=c.share,
        slope=c.win + c.tie / 4 - c.share**2,
        information=information,
        gradient_norm=norm,
        steps=steps,
        prior_precision=precision,
        log_tie=log_tie,
        tie_chance=c.tie,
        tie_slope=c.tie * (0.5 - c.share),
    )
