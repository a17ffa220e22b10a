"""Bradley-Terry strengths from a matrix of counts (Bradley and Terry, 1952; Zermelo, 1929)."""

from __future__ import annotations

from dataclasses import dataclass

import choix
import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from ranking.stats.connectivity import groups, is_separated
from ranking.stats.counts import Floats, check_counts
from ranking.stats.exceptions import NotConnected, NotConverged, NotEnoughData
from ranking.stats.fits import Fit

GRADIENT_TOLERANCE = 1e-8
MAX_STEPS = 100
#: Standard deviation of the normal prior on a difference of strengths (log-odds) that keeps a
#: separated fit finite: 95 % of pairs are then within 95 to 5.
PRIOR_SD = 1.5
#: Independent strengths of half the variance give every difference that of the prior.
PRIOR_PRECISION = 2 / PRIOR_SD**2


def fit_bradley_terry(half_wins: Floats) -> Fit:
    """Fit `half_wins[i, j]`, how often i beat j with a tie as half a win each way.

    Starts from choix's dense spectral solver (Maystre and Grossglauser, 2015) and polishes by
    Newton's method until the gradient's norm is below 1e-8 (or as small as the counts' size lets
    a double be). Raises `NotConnected` when no chain of comparisons joins all systems,
    `NotConverged` when the gradient stays larger, `NotEnoughData` below two systems,
    `ImpossibleData` for what cannot be counts.
    """
    check_counts(half_wins)
    if len(half_wins) < 2:
        raise NotEnoughData("a comparison needs two systems")
    separated = is_separated(half_wins)
    if separated and len(groups(half_wins)) > 1:
        raise NotConnected("the systems fall into groups that were never compared")
    precision = PRIOR_PRECISION if separated else 0.0
    start = np.zeros(len(half_wins)) if separated else spectral_start(half_wins)
    found = newton(half_wins, start, precision)
    slope = found.probabilities * (1 - found.probabilities)
    information = -(half_wins + half_wins.T) * slope
    information[np.diag_indices(len(slope))] -= information.sum(axis=1)
    return Fit(
        strengths=found.strengths,
        expected=found.probabilities,
        slope=slope,
        information=information,
        gradient_norm=found.gradient_norm,
        steps=found.steps,
        prior_precision=precision,
    )


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


def spectral_start(half_wins: Floats) -> Floats:
    """Return choix's dense LSR estimate: consistent, and one linear system away."""
    return np.asarray(choix.lsr_pairwise_dense(half_wins))


@dataclass(frozen=True, kw_only=True)
class Optimum:
    """Strengths [systems] that sum to zero, probabilities [i, j], and how they were found."""

    strengths: Floats
    probabilities: Floats
    gradient_norm: float
    steps: int


def newton(half_wins: Floats, strengths: Floats, precision: float = 0.0) -> Optimum:
    """Maximise the log likelihood from a start. Raises `NotConverged`."""
    meetings = half_wins + half_wins.T
    won = half_wins.sum(axis=1)
    diagonal = np.diag_indices(len(won))
    filling = float(meetings.mean()) / len(won) + 1e-12
    tolerance = max(GRADIENT_TOLERANCE, _rounding(won))
    norm = np.inf
    for step in range(MAX_STEPS):
        worth = np.exp(strengths - strengths.max())
        p = worth[:, None] / (worth[:, None] + worth[None, :])
        expected = meetings * p
        gradient = won - expected.sum(axis=1)
        gradient -= precision * strengths
        norm = float(np.sqrt(gradient @ gradient))
        if norm < tolerance:
            return Optimum(
                strengths=strengths - strengths.mean(),
                probabilities=p,
                gradient_norm=norm,
                steps=step,
            )
        expected *= 1 - p
        hessian = filling - expected
        hessian[diagonal] += expected.sum(axis=1) + precision
        factor = cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False)
        change = cho_solve(factor, gradient, check_finite=False)
        # The likelihood is concave; a bounded step keeps far starts from overshooting.
        strengths = strengths + change * min(1.0, 2.0 / max(float(np.abs(change).max()), 1e-300))
    raise NotConverged(f"the gradient's norm is {norm:.1e} after {MAX_STEPS} steps")


def _rounding(won: Floats) -> float:
    """Return what a gradient of sums so large can be rounded to: above 10^8 judgments or so."""
    return float(64 * np.finfo(float).eps * won.max(initial=0.0) * np.sqrt(len(won)))
