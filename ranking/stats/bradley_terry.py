"""Bradley-Terry strengths from a matrix of counts (Bradley and Terry, 1952; Zermelo, 1929)."""

from __future__ import annotations

from dataclasses import dataclass

import choix
import numpy as np
from scipy.special import expit

from ranking.stats.connectivity import groups, is_separated
from ranking.stats.counts import Floats
from ranking.stats.exceptions import NotConnected, NotConverged

GRADIENT_TOLERANCE = 1e-8
MAX_STEPS = 100
#: Standard deviation of the normal prior that keeps a separated fit finite (logits).
PRIOR_SD = 1.5


@dataclass(frozen=True, kw_only=True)
class BradleyTerry:
    """Strengths [systems] that sum to zero, on the log scale, and how they were found."""

    strengths: Floats
    gradient_norm: float
    steps: int
    #: True: no finite maximum exists, so a normal prior holds the strengths.
    is_separated: bool


def fit_bradley_terry(half_wins: Floats) -> BradleyTerry:
    """Fit `half_wins[i, j]`, how often i beat j with a tie as half a win each way.

    Starts from choix's dense solver (Maystre and Grossglauser, 2015) and polishes by Newton's
    method until the gradient's norm is below 1e-8. Raises `NotConnected` when no chain of
    comparisons joins all systems, `NotConverged` when the gradient stays larger.
    """
    if len(groups(half_wins)) > 1:
        raise NotConnected("the systems fall into groups that were never compared")
    separated = is_separated(half_wins)
    precision = PRIOR_SD**-2 if separated else 0.0
    start = np.zeros(len(half_wins)) if separated else _choix(half_wins)
    strengths, norm, steps = _newton(half_wins[None], start[None], precision)
    return BradleyTerry(
        strengths=strengths[0], gradient_norm=norm, steps=steps, is_separated=separated
    )


def refit(half_wins: Floats, start: Floats, *, is_separated: bool) -> Floats:
    """Fit many matrices [resamples, systems, systems] at once; return [resamples, systems]."""
    precision = PRIOR_SD**-2 if is_separated else 0.0
    many = np.broadcast_to(start, half_wins.shape[:2]).copy()
    return _newton(half_wins, many, precision)[0]


def win_probabilities(strengths: Floats) -> Floats:
    """Return [i, j]: the probability that i beats j, for strengths [..., systems]."""
    return np.asarray(expit(strengths[..., :, None] - strengths[..., None, :]))


def win_rates(strengths: Floats) -> Floats:
    """Return each system's mean probability of beating each other system, [..., systems]."""
    others = strengths.shape[-1] - 1
    if others == 0:
        return np.full_like(strengths, 0.5)
    # Half a win against itself is in the sum.
    return np.asarray((win_probabilities(strengths).sum(axis=-1) - 0.5) / others)


def _choix(half_wins: Floats) -> Floats:
    if len(half_wins) == 1:
        return np.zeros(1)
    try:
        return np.asarray(choix.ilsr_pairwise_dense(half_wins))
    except RuntimeError:  # not converged by its own count: still a good start
        return np.asarray(choix.lsr_pairwise_dense(half_wins))


def _newton(half_wins: Floats, strengths: Floats, precision: float) -> tuple[Floats, float, int]:
    """Maximise the log likelihood of each matrix; the Hessian's null direction is filled in."""
    meetings = half_wins + half_wins.swapaxes(1, 2)
    won = half_wins.sum(axis=2)
    systems = strengths.shape[1]
    filling = meetings.mean(axis=(1, 2))[:, None, None] + 1e-12
    diagonal = np.arange(systems)
    norm = np.inf
    for step in range(MAX_STEPS):
        p = win_probabilities(strengths)
        gradient = won - (meetings * p).sum(axis=2) - precision * strengths
        norm = float(np.linalg.norm(gradient, axis=1).max())
        if norm < GRADIENT_TOLERANCE:
            return strengths - strengths.mean(axis=1, keepdims=True), norm, step
        information = meetings * p * (1 - p)
        hessian = -information
        hessian[:, diagonal, diagonal] += information.sum(axis=2) + precision
        change = np.linalg.solve(hessian + filling, gradient[:, :, None])[:, :, 0]
        # The likelihood is concave; a bounded step keeps far starts from overshooting.
        largest = np.abs(change).max(axis=1, keepdims=True)
        strengths = strengths + change * np.minimum(1.0, 2.0 / np.maximum(largest, 1e-300))
    raise NotConverged(f"the gradient's norm is {norm:.1e} after {MAX_STEPS} steps")
