"""Whether a rule is broken rather than the raters: its rate of late against its rate before.

A rule that begins to hit everybody is more often a mistake in the rule, the study or a browser than
a wave of bad raters. Each look is one exact test at a level of one in a thousand; hits that come
from few raters say nothing about the rule and raise no alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.stats import binom, hypergeom

from annotation.quality.columns import Bools, Ints, count_by, sum_by

LEVEL = 0.001
LEAST_HITS = 5
LEAST_RATERS = 5
#: So that 9 by 1.0000000001 is 9.
_ROUNDING = 1e-6
#: The newest so many raters, stretches or judgments are "of late"; before them, as many at least.
WINDOWS = {"rater": 20, "stretch": 60, "judgment": 500}


class Alarm(StrEnum):
    NONE = ""
    #: The rule hits significantly more of late than before.
    JUMP = "jump"
    #: The rule hits most of all that it is asked about.
    MOST = "most"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How many units a rule hit, of how many that it could be asked about."""

    late_hits: int
    late: int
    earlier_hits: int
    earlier: int
    alarm: Alarm
    #: Of the test for a jump; 1 where it was not made.
    p: float

    @property
    def hits(self) -> int:
        return self.late_hits + self.earlier_hits

    @property
    def units(self) -> int:
        return self.late + self.earlier


def rates(hit: Bools, rater: Ints, *, window: int) -> Rates:
    """Return the rates of late and before, and whether they are an alarm.

    `hit` and `rater` are [units], in the order of time, known units only.
    """
    late = min(window, len(hit))
    earlier = len(hit) - late
    p = jump(hit, rater, late) if earlier >= window else 1.0
    alarm = Alarm.JUMP if p < LEVEL else Alarm.NONE
    if not alarm and hits_most(hit, rater):
        alarm = Alarm.MOST
    return Rates(
        late_hits=int(hit[earlier:].sum()),
        late=late,
        earlier_hits=int(hit[:earlier].sum()),
        earlier=earlier,
        alarm=alarm,
        p=p,
    )


def jump(hit: Bools, rater: Ints, late: int) -> float:
    """Return the p-value of a rate that has not risen in the last `late` units.

    Fisher's exact test (1922), one-sided, on counts divided by their design effect, because the
    judgments of one rater hang together (Rao and Scott, 1992). 1 for few hits or few raters.
    """
    earlier = len(hit) - late
    if _is_little(hit[earlier:], rater[earlier:]):
        return 1.0
    hits, units = _effective(hit[earlier:], rater[earlier:])
    hits_before, units_before = _effective(hit[:earlier], rater[:earlier])
    total = units + units_before
    return float(hypergeom.sf(hits - 1, total, hits + hits_before, units))


def hits_most(hit: Bools, rater: Ints) -> bool:
    """Return whether more than half are hit beyond doubt, by the exact binomial test."""
    if _is_little(hit, rater):
        return False
    hits, units = _effective(hit, rater)
    return bool(binom.sf(hits - 1, units, 0.5) < LEVEL)


def _is_little(hit: Bools, rater: Ints) -> bool:
    return int(hit.sum()) < LEAST_HITS or len(np.unique(rater[hit])) < LEAST_RATERS


def _effective(hit: Bools, rater: Ints) -> tuple[int, int]:
    """Return hits and units by their design effect, as whole numbers; hits are rounded down."""
    effect = design_effect(hit, rater)
    return int(hit.sum() / effect + _ROUNDING), int(np.ceil(len(hit) / effect - _ROUNDING))


def design_effect(hit: Bools, rater: Ints) -> float:
    """Return the variance of the rate between raters by that of independent units; 1 at least."""
    _, number = np.unique(rater, return_inverse=True)
    raters = int(number.max(initial=-1)) + 1
    n, rate = len(hit), float(hit.mean()) if len(hit) else 0.0
    if raters < 2 or rate in (0.0, 1.0):
        return 1.0
    parts = sum_by(number, hit, raters) - rate * count_by(number, raters)
    variance = raters / (raters - 1) * float((parts**2).sum()) / n**2
    return max(1.0, variance / (rate * (1 - rate) / (n - 1)))
