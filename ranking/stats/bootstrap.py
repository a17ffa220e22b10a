"""Uncertainty from raters: the Bayesian bootstrap with one weight a rater (Rubin, 1981).

Judgments of one rater hang together, so raters are what is resampled. Exponential weights are
never zero: no resample falls apart into groups that the data join.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from ranking.stats.bradley_terry import BradleyTerry, refit
from ranking.stats.counts import A_WINS, B_WINS, BOTH_BAD, TIE, Comparisons, Floats

RESAMPLES = 1000
#: So many numbers are in one block of resampled matrices.
_BLOCK_NUMBERS = 4_000_000


def rater_weights(raters: int, *, resamples: int, rng: np.random.Generator) -> Floats:
    """Return Exp(1) weights [resamples, raters]."""
    return rng.standard_exponential((resamples, raters))


def bootstrap_strengths(
    comparisons: Comparisons,
    fit: BradleyTerry,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Floats:
    """Return the strengths of each resample of raters, [resamples, systems]."""
    systems = comparisons.systems
    cells = _half_wins_by_rater(comparisons)
    weights = rater_weights(comparisons.raters, resamples=resamples, rng=rng)
    block = max(1, _BLOCK_NUMBERS // systems**2)
    parts = []
    for start in range(0, resamples, block):
        matrices = (weights[start : start + block] @ cells).reshape(-1, systems, systems)
        parts.append(refit(matrices, fit.strengths, is_separated=fit.is_separated))
    return np.concatenate(parts)


def _half_wins_by_rater(comparisons: Comparisons) -> csr_array:
    """Return each rater's half-win matrix as a row, [raters, systems * systems]."""
    c = comparisons
    for_a = np.zeros(4)
    for_a[[A_WINS, B_WINS, TIE, BOTH_BAD]] = 1.0, 0.0, 0.5, 0.5
    share = for_a[c.outcome]
    values = np.concatenate([share * c.count, (1 - share) * c.count])
    rows = np.concatenate([c.rater, c.rater])
    columns = np.concatenate([c.a * c.systems + c.b, c.b * c.systems + c.a])
    return csr_array((values, (rows, columns)), shape=(c.raters, c.systems**2))


def few_raters_factor(raters: int, *, level: float) -> float:
    """Return by how much a normal quantile times the bootstrap's spread is too short.

    The weights' variance is smaller than a sample's by (R - 1) / (R + 1), and with R raters the
    quantile is Student's with R - 1 degrees of freedom.
    """
    tail = (1 + level) / 2
    quantiles = student.ppf(tail, raters - 1) / norm.ppf(tail)
    return float(quantiles * np.sqrt((raters + 1) / (raters - 1)))


def interval(
    shares: Floats, draws: Floats, *, raters: int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return lower and upper ends for `shares` [systems], from resampled `draws` of them.

    A t interval on the logit scale, so that it stays between 0 and 1; at least two raters.
    """
    spread = logit(draws).std(axis=0, ddof=1)
    half = norm.ppf((1 + level) / 2) * few_raters_factor(raters, level=level) * spread
    return expit(logit(shares) - half), expit(logit(shares) + half)
