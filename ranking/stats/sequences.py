"""Confidence sequences: intervals for differences that hold however often one looks.

An interval of 1.96 standard errors that is looked at fifty times leaves out the truth in a third
of all studies. A normal mixture (Robbins, 1970) leaves it out in at most 5 % of them, at any
number of looks. Its time is the information, one over the squared standard error: in it the
estimates of a growing study, with or without rater effects, move as a Brownian motion does
(Jennison and Turnbull, 1997). The standard error is estimated, between raters; so it is the
mixture of Student's t (Lai, 1976; Wang and Ramdas, 2024) with a rater as the unit. With endless
raters that is the normal mixture, as in asymptotic confidence sequences (Waudby-Smith et al.,
2024); with a few it is wider, and where they are too few it is everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

from ranking.stats.counts import Comparisons, Floats, Ints, tally

UNDECIDED, BETTER, WORSE, EQUIVALENT = range(4)
#: With fewer raters the rate of errors was not held in simulations: nothing is decided.
MIN_RATERS = 10
#: A study that would have to grow by more than that is not told by how much.
_MOST_GROWTH = 1e6
_BISECTIONS = 50


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """How differences are read: all `comparisons` of them hold at once, at the `level`.

    `spread` is the standard deviation of the normal that is mixed over, in the differences' unit.
    It has to be fixed beforehand; `tuned` chooses it. The correction is Bonferroni's, which for a
    hundred systems is 3 % wider than Tukey's range and needs no joint distribution over time.
    """

    spread: float
    level: float = 0.95
    comparisons: int = 1

    @classmethod
    def tuned(cls, error: float, *, level: float = 0.95, comparisons: int = 1) -> Sequence:
        """Return the sequence that is tightest when the standard error is `error`.

        There it reaches the root of 1 + w standard errors, w = -1 - W(-alpha^2 / e) by the lower
        branch of Lambert's function (Howard et al., 2021): 3.04 for one comparison at 0.95.
        """
        alpha = (1 - level) / comparisons
        w = -1 - float(lambertw(-(alpha**2) / np.e, -1).real)
        return cls(spread=error * float(np.sqrt(w)), level=level, comparisons=comparisons)

    def reach(self, errors: Floats, raters: Floats) -> Floats:
        """Return how many standard errors the interval reaches to each side; inf: everything.

        `errors` are standard errors, `raters` how many raters (clusters) each was estimated from.
        """
        alpha = (1 - self.level) / self.comparisons
        w = (self.spread / np.maximum(errors, 1e-12)) ** 2
        # The mixture of likelihood ratios is below 1 / alpha while
        # sqrt(1 + w) ((1 + x / (1 + w)) / (1 + x)) ** (raters / 2) > alpha, x = t^2 / (raters - 1).
        growth = np.expm1((np.log1p(w) - 2 * np.log(alpha)) / np.maximum(raters, 1))
        room = w - growth
        is_known = (errors > 0) & (raters >= MIN_RATERS) & (room > 0)
        squared = growth * (1 + w) / np.where(is_known, room, 1) * (raters - 1)
        return np.where(is_known, np.sqrt(np.where(is_known, squared, 0)), np.inf)

    def half_widths(self, errors: Floats, raters: Floats) -> Floats:
        reach = self.reach(errors, raters)
        return np.where(np.isfinite(reach), np.where(np.isfinite(reach), reach, 0) * errors, np.inf)


def verdicts(values: Floats, half_widths: Floats, *, margin: float) -> Ints:
    """Return a constant above for each difference: what its interval decides.

    Equivalent, where it lies within the margin, comes first: a difference can be beyond doubt and
    yet below what is of interest.
    """
    low, high = values - half_widths, values + half_widths
    found = np.full(len(values), UNDECIDED)
    found[low > 0] = BETTER
    found[high < 0] = WORSE
    found[(low > -margin) & (high < margin)] = EQUIVALENT
    return found


def growth_needed(
    sequence: Sequence, values: Floats, errors: Floats, raters: Floats, *, margin: float
) -> Floats:
    """Return by which factor the judgments must grow until each difference is decided.

    If it stays as it is, and raters come with the judgments in proportion: then it is decided
    when the interval no longer reaches zero, or the farther end of the margin, whichever is
    farther. 1 where it is decided now; inf beyond a millionfold, or where no error is known.
    """
    wanted = np.maximum(np.abs(values), margin - np.abs(values))

    def is_decided(factor: Floats) -> NDArray[np.bool_]:
        half = sequence.half_widths(errors / np.sqrt(factor), raters * factor)
        return np.asarray(half < wanted)

    low, high = np.zeros(len(values)), np.full(len(values), np.log(_MOST_GROWTH))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        decided = is_decided(np.exp(middle))
        high = np.where(decided, middle, high)
        low = np.where(decided, low, middle)
    factor = np.where(is_decided(np.exp(high)), np.exp(high), np.inf)
    return np.where(is_decided(np.ones(len(values))), 1.0, factor)


def effective_raters(comparisons: Comparisons) -> Floats:
    """Return, for each system, how many raters with equal numbers of judgments of it there were.

    That is the squared sum of their judgments over the sum of squares (Kish, 1965): a newcomer
    that three raters judged has three, however many judged the others.
    """
    c = comparisons
    size = c.raters * c.systems
    judged = tally(c.rater * c.systems + c.a, c.count, size)
    judged += tally(c.rater * c.systems + c.b, c.count, size)
    judged = judged.reshape(c.raters, c.systems)
    squares = (judged**2).sum(axis=0)
    return np.asarray(judged.sum(axis=0) ** 2 / np.maximum(squares, 1e-300))
