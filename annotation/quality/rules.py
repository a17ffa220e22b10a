"""Rules: a measure, a threshold, and what is hit in a study's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annotation.quality.alarms import WINDOWS, Rates, rates
from annotation.quality.columns import Bools, Columns
from annotation.quality.measures import MEASURES, Measure
from annotation.quality.shares import Measured

MAX_LEAST = 10_000
#: A stretch holds so many judgments at least.
LEAST_PER, MAX_PER = 2, 1000


@dataclass(frozen=True, kw_only=True)
class RuleSpec:
    """What a rule says. Which side of the threshold is bad belongs to the measure.

    `least`: with fewer judgments behind the measure, the rule says nothing. `per`: the measure is
    taken of each so many judgments in a row by a rater, and only those of them that are hit are
    excluded; 0: of all of a rater. `beyond_doubt`: the whole 95 % interval must be beyond.
    """

    name: str
    measure: str
    threshold: float
    least: int = 1
    per: int = 0
    beyond_doubt: bool = True
    #: The slug of the system that the measure is about; empty for measures about none.
    system: str = ""

    @property
    def of(self) -> Measure:
        return MEASURES[self.measure]

    @property
    def unit(self) -> str:
        if self.of.of_judgments:
            return "judgment"
        return "stretch" if self.per else "rater"

    @property
    def in_words(self) -> str:
        about = f" ({self.system})" if self.system else ""
        return f"{self.of.words}{about}: {self.limit_in_words}"

    @property
    def limit_in_words(self) -> str:
        words = f"{self.of.bad} {self.of.limit(self.threshold)}"
        if self.beyond_doubt and self.of.has_interval:
            words += " beyond doubt"
        if self.per:
            words += f", in each {self.per} judgments in a row"
        return words + (f"; from {self.least} judgments on" if self.least > 1 else "")


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What a rule excludes: all of a rater (numbered), or one judgment (by key), and why."""

    rater: int
    judgment: int | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule evaluated: `known` and `hit` are [units], in the columns' order of units."""

    rule: RuleSpec
    columns: Columns
    found: Measured
    known: Bools
    hit: Bools

    @cached_property
    def rates(self) -> Rates:
        """Of late against before; units are in the order of their first judgment."""
        columns = self.columns
        if self.rule.unit == "judgment":
            rater, start = columns.rater, columns.judgment
        else:
            rater, start = columns.group_rater, columns.group_start
        order = np.argsort(start[self.known], kind="stable")
        return rates(
            self.hit[self.known][order],
            rater[self.known][order],
            window=WINDOWS[self.rule.unit],
        )

    @property
    def raters_hit(self) -> set[int]:
        rater = self.columns.rater if self.rule.unit == "judgment" else self.columns.group_rater
        return set(rater[self.hit].tolist())

    def hits(self) -> Iterator[Hit]:
        """Yield what is to be excluded: one for a rater, one for each judgment of a stretch."""
        columns, unit = self.columns, self.rule.unit
        if unit == "judgment":
            for place in np.flatnonzero(self.hit).tolist():
                yield self._hit(place, place)
        elif unit == "rater":
            for group in np.flatnonzero(self.hit).tolist():
                yield Hit(rater=group, judgment=None, reason=self._reason(group))
        else:
            for place in np.flatnonzero(self.hit[columns.group]).tolist():
                yield self._hit(place, int(columns.group[place]))

    def _hit(self, place: int, unit: int) -> Hit:
        return Hit(
            rater=int(self.columns.rater[place]),
            judgment=int(self.columns.judgment[place]),
            reason=self._reason(unit),
        )

    def _reason(self, unit: int) -> str:
        """Say the number, what it rests on, and what the rule asks."""
        measure, found = self.rule.of, self.found
        words = f"{measure.words}: {measure.show(found.value[unit])}"
        if found.low is not None and found.high is not None:
            ends = [measure.show(end[unit]) for end in (found.low, found.high)]
            words += f" ({ends[0]} to {ends[1]})"
        of = "judgment" if found.count[unit] == 1 else "judgments"
        where = "of the system" if self.rule.measure == "deviation" else ""
        words += f", from {found.count[unit]} {of} {where}".rstrip()
        return f"{words}. The rule: {self.rule.limit_in_words}."


def evaluate(
    rule: RuleSpec, columns: Columns, *, measured: Mapping[str, Measured] | None = None
) -> Finding:
    """Return what the rule hits. What it cannot know, it does not hit.

    `measured`: by name, what was taken of these columns before.
    """
    grouped = columns.in_stretches(rule.per) if rule.unit == "stretch" else columns
    known_before = measured or {}
    if grouped is columns and rule.measure in known_before:
        found = known_before[rule.measure]
    else:
        found = rule.of.take(grouped)
    known = ~np.isnan(found.value) & (found.count >= rule.least)
    beyond = rule.of.offends(found, rule.threshold, beyond_doubt=rule.beyond_doubt)
    return Finding(rule=rule, columns=grouped, found=found, known=known, hit=known & beyond)
