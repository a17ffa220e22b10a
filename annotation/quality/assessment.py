"""What is known of a study's raters now: every measure, every rule, in a few queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from time import perf_counter

from django.core.cache import cache
from django.utils.timezone import now

from annotation.models import Rule, Study
from annotation.quality.alarms import Alarm, Rates
from annotation.quality.measures import MEASURES, Measure
from annotation.quality.reading import StudyColumns, offers, read_columns
from annotation.quality.rules import Finding, RuleSpec, evaluate
from annotation.quality.shares import Measured

#: A live page shows the same numbers for so long, and for so many times as long as they took to
#: make: watching a large study costs at most a twentieth of one processor.
SHOWN_SECONDS = 4
SHOWN_FOR = 20


@dataclass(frozen=True, kw_only=True)
class RuleState:
    """What a rule does now, and how much of it."""

    name: str
    in_words: str
    unit: str
    rates: Rates
    raters_hit: set[int]

    @staticmethod
    def of(finding: Finding) -> RuleState:
        return RuleState(
            name=finding.rule.name,
            in_words=finding.rule.in_words,
            unit=finding.rule.unit,
            rates=finding.rates,
            raters_hit=finding.raters_hit,
        )

    @property
    def units(self) -> str:
        return _plural(self.unit)

    @property
    def alarm_in_words(self) -> str:
        """Say why the rule may be broken; empty without an alarm."""
        r, units = self.rates, self.units
        if r.alarm == Alarm.JUMP:
            return (
                f"The rule “{self.name}” hits {r.late_hits} of the newest {r.late} {units}; before "
                f"them it hit {r.earlier_hits} of {r.earlier}. Look whether the rule or the study "
                "is broken before you trust it."
            )
        if r.alarm == Alarm.MOST:
            return (
                f"The rule “{self.name}” hits {r.hits} of {r.units} {units}. Rather the rule is "
                "wrong than most of the raters."
            )
        return ""


def _plural(unit: str) -> str:
    return {"rater": "raters", "stretch": "stretches of judgments", "judgment": "judgments"}[unit]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Measures by name, each [raters]; `raters` are keys. Small beside the columns it is from."""

    at: datetime
    newest: int
    raters: list[int]
    measured: dict[str, Measured]
    judged: list[int]
    rules: list[RuleState]

    @property
    def alarms(self) -> list[str]:
        return [words for rule in self.rules if (words := rule.alarm_in_words)]

    @cached_property
    def hit_by(self) -> dict[int, list[str]]:
        """The names of the rules that hit something of a rater, by the rater's key."""
        found: dict[int, list[str]] = {}
        for rule in self.rules:
            for number in sorted(rule.raters_hit):
                found.setdefault(self.raters[number], []).append(rule.name)
        return found

    @cached_property
    def place(self) -> dict[int, int]:
        return {pk: number for number, pk in enumerate(self.raters)}


def measures_of(study: Study) -> list[Measure]:
    """Return what is measured of raters in a study of this protocol."""
    offered = offers(study)
    return [m for m in MEASURES.values() if m.needs in offered and not m.of_judgments]


def study_columns(study: Study, *, upto: int | None = None) -> StudyColumns:
    """Read the judgments of people; automated judges are compared with them elsewhere."""
    people = study.raters.filter(is_judge=False).values_list("pk", flat=True)
    return read_columns(study, raters=list(people), upto=upto)


def findings(
    study: Study, read: StudyColumns, *, measured: Mapping[str, Measured] | None = None
) -> list[Finding]:
    """Evaluate the rules in force, in the order of their declaration."""
    rules = Rule.objects.in_force().filter(study=study).order_by("pk")
    return [evaluate(rule.spec, read.columns, measured=measured) for rule in rules]


def would_hit(study: Study, rule: RuleSpec) -> RuleState:
    """Return what a rule would do now if the study had it."""
    return RuleState.of(evaluate(rule, study_columns(study).columns))


def assess(study: Study) -> Assessment:
    """Measure everything now."""
    moment, read = now(), study_columns(study)
    measured = {m.name: m.take(read.columns) for m in measures_of(study)}
    return Assessment(
        at=moment,
        newest=read.newest,
        raters=read.raters,
        measured=measured,
        judged=read.columns.sizes.tolist(),
        rules=[RuleState.of(finding) for finding in findings(study, read, measured=measured)],
    )


def recent_assessment(study: Study) -> Assessment:
    """Return the assessment that was made last, or a new one when that is too old."""
    key = f"quality:{study.pk}"
    if found := cache.get(key):
        assessment: Assessment = found
        return assessment
    start = perf_counter()
    assessment = assess(study)
    took = perf_counter() - start
    cache.set(key, assessment, max(SHOWN_SECONDS, SHOWN_FOR * took))
    return assessment


def forget(study: Study) -> None:
    """Make the next page measure anew, because the rules have changed."""
    cache.delete(f"quality:{study.pk}")


def alarms_of(study: Study) -> list[str]:
    """Return the alarms of the study's rules, in words; nothing is read where it has none."""
    if not study.rules.filter(retired_at=None).exists():
        return []
    return recent_assessment(study).alarms
