"""What the researcher's pages show of raters: rows of a table, a rater's own figures, runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from annotation.gold import is_right
from annotation.models import Gold, Judgment, Rater, Study
from annotation.quality.assessment import Assessment, measures_of
from annotation.quality.behaviour import floor_seconds
from annotation.quality.measures import MEASURES, Measure

#: The closed list of orders: worst first for a measure.
SORTS = ("name", "judged", *(m.name for m in MEASURES.values() if not m.of_judgments))
UNKNOWN = "–"
#: Runs that are listed are so long at least, and so many at most.
LEAST_RUN, MAX_RUNS = 5, 8


@dataclass(frozen=True, kw_only=True)
class RaterRow:
    """One line of the table: keys, words, and one cell for each measure shown."""

    pk: int
    name: str
    judged: int
    cells: list[str]
    hit_by: list[str]


def shown_measures(study: Study, found: Assessment) -> list[Measure]:
    """Return the measures that are known of anybody."""
    return [m for m in measures_of(study) if not np.isnan(found.measured[m.name].value).all()]


def ordered(study: Study, found: Assessment, sort: str) -> list[tuple[int, str]]:
    """Return key and name of all people who rate, in the order asked for."""
    people = study.raters.filter(is_judge=False).order_by("name", "pk")
    names = list(people.values_list("pk", "name"))
    keys = _keys(found, sort)
    if keys is None:
        return names
    # Raters who came since the assessment stand at the end.
    return sorted(names, key=lambda row: keys.get(row[0], np.inf))


def _keys(found: Assessment, sort: str) -> dict[int, float] | None:
    if sort == "judged":
        return {pk: -n for pk, n in zip(found.raters, found.judged, strict=True)}
    if sort not in found.measured:
        return None
    worst = MEASURES[sort].worst_first(found.measured[sort].value)
    return dict(zip(found.raters, worst.tolist(), strict=True))


def rater_rows(
    found: Assessment, measures: Sequence[Measure], names: Iterable[tuple[int, str]]
) -> list[RaterRow]:
    return [
        RaterRow(
            pk=pk,
            name=name,
            judged=found.judged[place] if (place := found.place.get(pk)) is not None else 0,
            cells=[_cell(found, measure, place) for measure in measures],
            hit_by=found.hit_by.get(pk, []),
        )
        for pk, name in names
    ]


def _cell(found: Assessment, measure: Measure, place: int | None) -> str:
    value = np.nan if place is None else found.measured[measure.name].value[place]
    return UNKNOWN if np.isnan(value) else measure.show(value)


def rater_figures(study: Study, found: Assessment, rater: Rater) -> list[dict[str, Any]]:
    """Return each measure of one rater, with its interval and the middle of all raters."""
    place = found.place.get(rater.pk)
    return [_figure(found, measure, place) for measure in shown_measures(study, found)]


def _figure(found: Assessment, measure: Measure, place: int | None) -> dict[str, Any]:
    taken = found.measured[measure.name]
    is_known = place is not None and not np.isnan(taken.value[place])
    ends = [taken.low, taken.high] if is_known else [None, None]
    low, high = ("" if end is None else measure.show(float(end[place])) for end in ends)
    return {
        "label": measure.label,
        "words": measure.words,
        "value": _cell(found, measure, place),
        "low": low,
        "high": high,
        "count": int(taken.count[place]) if is_known else 0,
        "middle": measure.show(float(np.nanmedian(taken.value))),
    }


@dataclass(frozen=True, kw_only=True)
class Run:
    pressed: str
    length: int
    since: Any


def longest_runs(judgments: Iterable[Judgment]) -> list[Run]:
    """Return the longest runs of one button, longest first; judgments are in order."""
    found = []
    for pressed, group in groupby(judgments, key=pressed_in_words):
        run = list(group)
        if len(run) >= LEAST_RUN and pressed:
            found.append(Run(pressed=pressed, length=len(run), since=run[0].created_at))
    return sorted(found, key=lambda run: -run.length)[:MAX_RUNS]


def pressed_in_words(judgment: Judgment) -> str:
    """Say which button it was; empty where an import does not say the side."""
    if judgment.score is not None:
        return str(judgment.score)
    if judgment.verdict not in ("a", "b"):
        return judgment.verdict.replace("_", " ")
    if not judgment.left:
        return ""
    return "left" if judgment.verdict == judgment.left else "right"


def judgment_rows(judgments: Iterable[Judgment]) -> list[dict[str, Any]]:
    """Return what a researcher sees of single judgments: no system is named."""
    return [
        {
            "at": judgment.created_at,
            "prompt": judgment.task.prompt.key,
            "pressed": pressed_in_words(judgment) or _instead(judgment),
            "seconds": judgment.seconds,
            "is_quick": _is_quick(judgment),
            "check": _check(judgment),
        }
        for judgment in judgments
    ]


def _instead(judgment: Judgment) -> str:
    return "a side, not known which" if judgment.verdict else "several things"


def _is_quick(judgment: Judgment) -> bool:
    """Return whether it took less than a look; a group's outputs are not read for that."""
    if judgment.task.group is not None:
        return False
    outputs = (judgment.task.output_a, judgment.task.output_b)
    characters = sum(len(output.text) for output in outputs if output)
    floor = float(floor_seconds(np.array(characters)))
    return judgment.seconds is not None and judgment.seconds < floor


def _check(judgment: Judgment) -> str:
    if not judgment.task.is_gold:
        return ""
    gold: Gold = judgment.task.gold
    return f"{gold.kind}, {'right' if is_right(gold.expected, judgment) else 'wrong'}"
