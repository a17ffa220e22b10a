"""The closed list of measures: their names in rules, their words, and which end of each is bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from annotation.quality import answers, behaviour
from annotation.quality.columns import Bools, Columns, Floats
from annotation.quality.shares import Measured

#: No threshold is higher.
MOST = 1e6


class Bad(StrEnum):
    """Which values break a rule; the words stand before its threshold."""

    ABOVE = "above"
    BELOW = "below"
    AT_LEAST = "at least"
    EITHER_SIDE = "on one side in more than"


class Needs(StrEnum):
    """What the study must offer, for a measure to say anything."""

    NOTHING = ""
    SIDES = "two sides"
    SCORES = "scores"
    FEW_ANSWERS = "one answer of a few"
    REFERENCE = "a hidden reference (MUSHRA)"
    ANCHOR = "a mid anchor that is made from the reference (MUSHRA)"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One thing that is measured of raters, or of single judgments."""

    name: str
    #: As a heading, and as the subject of a sentence.
    label: str
    words: str
    take: Callable[[Columns], Measured]
    bad: Bad
    needs: Needs = Needs.NOTHING
    is_share: bool = True
    has_interval: bool = True
    of_judgments: bool = False
    #: It is about one system, which the rule names.
    of_system: bool = False
    #: Between which a threshold can stand; None: 0 to 1 for a share, else from 0 on.
    ends: tuple[float, float] | None = None

    @property
    def limits(self) -> tuple[float, float]:
        return self.ends or (0.0, 1.0 if self.is_share else MOST)

    def limit(self, threshold: float) -> str:
        """Say a threshold as it was declared."""
        return f"{100 * threshold:g}%" if self.is_share else f"{threshold:g}"

    def show(self, value: float) -> str:
        return f"{100 * value:.0f}%" if self.is_share else _number(value)

    def offends(self, found: Measured, threshold: float, *, beyond_doubt: bool) -> Bools:
        """Return which values are on the wrong side of the threshold; unknown ones are not.

        Beyond doubt: with the whole of the interval, where the measure has one.
        """
        low, high = found.value, found.value
        if beyond_doubt and found.low is not None and found.high is not None:
            low, high = found.low, found.high
        return _beyond(low, high, threshold, self.bad) & ~np.isnan(found.value)

    def worst_first(self, value: Floats) -> Floats:
        """Return keys that sort the worst value to the front and unknown ones to the end."""
        if self.bad == Bad.EITHER_SIDE:
            key = -np.abs(value - 0.5)
        else:
            key = value if self.bad == Bad.BELOW else -value
        return np.where(np.isnan(value), np.inf, key)


def _number(value: float) -> str:
    """Show a count as it is, and what is measured to a tenth, or a hundredth below one."""
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def _beyond(low: Floats, high: Floats, threshold: float, bad: Bad) -> Bools:
    if bad == Bad.ABOVE:
        return np.asarray(low > threshold)
    if bad == Bad.BELOW:
        return np.asarray(high < threshold)
    if bad == Bad.AT_LEAST:
        return np.asarray(low >= threshold)
    return np.asarray(np.maximum(low, 1 - high) > threshold)


_ALL = (
    Measure(
        name="pace",
        label="Pace",
        words="judgments a minute",
        take=behaviour.pace,
        bad=Bad.ABOVE,
        is_share=False,
        has_interval=False,
    ),
    Measure(
        name="quick",
        label="Quick",
        words="answers quicker than the outputs can be looked at",
        take=behaviour.quick,
        bad=Bad.ABOVE,
    ),
    Measure(
        name="run",
        label="Run",
        words="the longest run of one button",
        take=behaviour.longest_run,
        bad=Bad.ABOVE,
        is_share=False,
        has_interval=False,
    ),
    Measure(
        name="same",
        label="Same",
        words="the button pressed most",
        take=behaviour.same,
        bad=Bad.ABOVE,
    ),
    Measure(
        name="side",
        label="Left",
        words="left among answers for a side",
        take=behaviour.side,
        bad=Bad.EITHER_SIDE,
        needs=Needs.SIDES,
    ),
    Measure(
        name="gold",
        label="Gold",
        words="gold tasks answered right",
        take=answers.gold,
        bad=Bad.BELOW,
    ),
    Measure(
        name="gold_within_1",
        label="Gold ±1",
        words="gold tasks scored right or next to it",
        take=answers.gold_within_1,
        bad=Bad.BELOW,
        needs=Needs.SCORES,
    ),
    Measure(
        name="attention",
        label="Attention",
        words="attention tasks answered right",
        take=answers.attention,
        bad=Bad.BELOW,
    ),
    Measure(
        name="consistency",
        label="Self",
        words="the same answer to a task judged twice",
        take=answers.consistency,
        bad=Bad.BELOW,
        needs=Needs.FEW_ANSWERS,
    ),
    Measure(
        name="agreement",
        label="Others",
        words="other raters of the same task who said the same",
        take=answers.agreement,
        bad=Bad.BELOW,
        needs=Needs.FEW_ANSWERS,
    ),
    Measure(
        name="correlation",
        label="Correlation",
        words="the correlation with the other raters' mean scores",
        take=answers.correlation,
        bad=Bad.BELOW,
        needs=Needs.SCORES,
        is_share=False,
        ends=(-1.0, 1.0),
    ),
    Measure(
        name="variance",
        label="Variance",
        words="the variance of scores",
        take=behaviour.variance,
        bad=Bad.BELOW,
        needs=Needs.SCORES,
        is_share=False,
        has_interval=False,
    ),
    Measure(
        name="haste",
        label="Time",
        words="the time as a share of what a look takes",
        take=behaviour.haste,
        bad=Bad.BELOW,
        of_judgments=True,
        has_interval=False,
        ends=(0.0, 100.0),
    ),
    Measure(
        name="deviation",
        label="Deviation",
        words="standard deviations from the mean of the system's scores",
        take=answers.deviation,
        bad=Bad.AT_LEAST,
        needs=Needs.SCORES,
        is_share=False,
        of_judgments=True,
        has_interval=False,
    ),
    Measure(
        name="reference_low",
        label="Reference low",
        words="tasks in which the hidden reference got less than 90",
        take=answers.reference_low,
        bad=Bad.ABOVE,
        needs=Needs.REFERENCE,
    ),
    Measure(
        name="anchor_high",
        label="Anchor high",
        words="tasks in which the mid anchor got more than 90",
        take=answers.anchor_high,
        bad=Bad.ABOVE,
        needs=Needs.REFERENCE,
        of_system=True,
    ),
)
MEASURES = {measure.name: measure for measure in _ALL}
