"""Which pair is worth asking next, and what an answer weighs that was not asked evenly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ranking.stats.bradley_terry import PRIOR_PRECISION, newton
from ranking.stats.counts import Counts, Floats, Ints


def arena(counts: Counts) -> Floats:
    """Return [i, j]: by how much one more judgment shortens the pair's interval.

    sqrt(S / n) - sqrt(S / (n + 1)), with S the variance of what a judgment is worth within the
    pair (Chiang et al., 2024). One win each way is added to every pair, so that what was judged
    little has a long interval rather than none.
    """
    n = counts.meetings + 2
    mean = (counts.half_wins + 1) / n
    variance = (counts.wins + counts.drawn / 4 + 1) / n - mean**2
    return np.asarray(np.sqrt(variance / n) - np.sqrt(variance / (n + 1)))


def resistance(counts: Counts) -> Floats:
    """Return [i, j]: what one more judgment adds to the information on all strengths together.

    p (1 - p) R, with p the chance that i wins and R the variance of i's strength minus j's: the
    effective resistance between them where every pair conducts its information (D-optimality;
    Ghosh, Boyd and Saberi, 2008). A normal prior as in a separated fit keeps R finite, so that a
    newcomer, or a group that nothing joins to the rest, has the largest gains and not endless
    ones.
    """
    systems = len(counts.wins)
    p = newton(counts.half_wins, np.zeros(systems), PRIOR_PRECISION).probabilities
    slope = p * (1 - p)
    information = -counts.meetings * slope
    np.fill_diagonal(information, PRIOR_PRECISION - information.sum(axis=1))
    covariance = np.linalg.inv(information)
    own = np.diag(covariance)
    return np.asarray(slope * (own[:, None] + own[None, :] - covariance - covariance.T))


RULES: dict[str, Callable[[Counts], Floats]] = {"arena": arena, "resistance": resistance}


def pair_chances(counts: Counts, *, rule: str, uniform_share: float) -> Floats:
    """Return [systems, systems]: how often each pair is to be asked in the next round.

    Symmetric, zero on the diagonal; over the pairs (half of the matrix) the chances sum to one,
    and each is at least `uniform_share` of an even one, so that no pair is forgotten and no weight
    grows beyond bounds. The rest goes by the gains of `rule`, a key of `RULES`. Raises
    `ValueError` below two systems, and for a share not above 0 or above 1.
    """
    systems = len(counts.wins)
    if systems < 2 or not 0 < uniform_share <= 1:
        raise ValueError(f"{systems} systems, an even share of {uniform_share}")
    even = (1 - np.eye(systems)) / (systems * (systems - 1) / 2)
    gains = np.maximum(RULES[rule](counts), 0) * (1 - np.eye(systems))
    gains = (gains + gains.T) / 2
    total = gains.sum() / 2
    if total <= 0:
        return np.asarray(even)
    return np.asarray(uniform_share * even + (1 - uniform_share) * gains / total)


def inverse_chance_weights(turn: Ints, chance: Floats, *, pool: int) -> Floats:
    """Return what each task's judgments weigh, so that all of the pool is estimated without bias.

    `turn[task]` is the round that asked it; `chance[task]` how probable that was just before the
    draw, given the earlier rounds; `pool` how many tasks there are to ask, those included. Every
    round estimates the sum over the pool: the earlier tasks as they are, its own by 1 / chance.
    The rounds are combined so that even rounds give equal weights, and so does asking everything
    (Farquhar, Gal and Rainforth, 2021, there for single draws). The mean weight is about one.
    """
    rounds, number = np.unique(turn, return_inverse=True)
    size = np.bincount(number, minlength=len(rounds))
    after = np.cumsum(size)
    even = size / (pool - after + size)
    unasked = np.maximum(pool - after, 1)
    pull = (pool - len(turn)) / unasked
    return np.asarray(1 + pull[number] * (even[number] / chance - 1))
