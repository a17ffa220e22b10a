"""A study's judgments as columns: a few queries, whatever the study's size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, Length

from annotation.models import Gold, Study, TaskOutput
from annotation.protocols import protocol_of
from annotation.quality.coding import Coded, code_answers, code_scores, code_verdicts
from annotation.quality.columns import (
    ATTENTION,
    GOLD,
    REPEAT,
    TARGET,
    UNKNOWN,
    Bools,
    Columns,
    Floats,
    Ints,
    counted,
)
from annotation.quality.measures import Needs
from annotation.quality.packing import (
    FEW_ANSWERS,
    LEFTS,
    NO_SCORE,
    VERDICTS,
    Rows,
    Said,
    read_packed,
)
from evalsite.lib.db import raw_rows
from generation.models import Output

#: What `Columns.pressed` means where sides are asked for.
PRESSED = ("left", "right", "tie", "both_bad")
_CHECKS = {Gold.Kind.GOLD: GOLD, Gold.Kind.ATTENTION: ATTENTION}

#: Protocols whose answer is one score.
SCORED = ("mos", "dcr", "ccr")
MID_ANCHOR = "anchor_7000"
#: A table of keys is at most so many times as long as there are keys.
_SPARSE = 64


def offers(study: Study) -> frozenset[Needs]:
    """Return what the study, by its protocol and options, has for measures."""
    protocol = protocol_of(study)
    has = {
        Needs.NOTHING: True,
        Needs.SIDES: protocol.has_sides,
        Needs.FEW_ANSWERS: study.protocol in FEW_ANSWERS,
        Needs.SCORES: study.protocol in SCORED,
        Needs.REFERENCE: protocol.is_grouped and protocol.shows_reference,
        Needs.ANCHOR: MID_ANCHOR in protocol.hidden,
    }
    return frozenset(need for need, there in has.items() if there)


@dataclass(frozen=True, kw_only=True)
class _Judgments:
    """The rows of those who are measured, by rater and then by key: numbers and codes, [n]."""

    key: Ints
    #: The places of rater and task among those that are measured, and all tasks.
    rater: Ints
    task: Ints
    verdict: Ints
    left: Ints
    score: Floats
    seconds: Floats
    #: The place of what was said among the packed answers.
    answer: Ints


@dataclass(frozen=True, kw_only=True)
class StudyColumns:
    """The columns, and what the raters' numbers stand for."""

    columns: Columns
    raters: list[int]
    #: The key of the newest judgment that was read; 0: none.
    newest: int


def read_columns(study: Study, *, raters: list[int], upto: int | None = None) -> StudyColumns:
    """Read what these raters judged, corrections in place of what they correct.

    `raters` are keys. With `upto`, what a reader saw when that judgment was the newest. Training
    and qualification are left out: only the step of judging is measured.
    """
    packed = read_packed(study)
    rows = packed.rows if upto is None else packed.rows[packed.rows["key"] <= upto]
    tasks, people = _tasks(study), np.array(sorted(raters), dtype=np.int64)
    checks = _checks(study)
    places = _places(tasks.key, np.array(list(checks), dtype=np.int64)).tolist()
    checks = dict(zip(places, checks.values(), strict=True))
    kept = _judgments(rows, tasks, people, checks)
    found = _columns(study, kept, packed.answers, tasks, len(people), checks)
    return StudyColumns(
        columns=found, raters=people.tolist(), newest=int(rows["key"].max(initial=0))
    )


def _places(keys: Ints, wanted: Ints) -> Ints:
    """Return where each wanted key stands in the sorted keys; `UNKNOWN` where it does not.

    Keys of one study lie close together: a table is several times as quick as a search.
    """
    if len(keys) == 0:
        return np.full(len(wanted), UNKNOWN)
    first, span = keys[0], int(keys[-1] - keys[0]) + 1
    if span > _SPARSE * len(keys):
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, place, UNKNOWN)
    table = np.full(span + 1, UNKNOWN)
    table[keys - first] = np.arange(len(keys))
    is_within = (wanted >= first) & (wanted <= keys[-1])
    return table[np.where(is_within, wanted - first, span)]


def _judgments(rows: Rows, tasks: _Tasks, people: Ints, checks: Iterable[int]) -> _Judgments:
    """Return the judgments that stand and that are measured, sorted by rater and then by key."""
    is_asked = ~tasks.is_gold
    is_asked[list(checks)] = True
    corrected = rows["corrects"][rows["corrects"] > 0]
    task, rater = _places(tasks.key, rows["task"]), _places(people, rows["rater"])
    kept = is_asked[task] & (rater >= 0) & ~np.isin(rows["key"], corrected)
    chosen = np.flatnonzero(kept)
    # In the smallest type: of short numbers the sort is a radix sort, and rows come by key.
    number = rater[chosen].astype(np.min_scalar_type(len(people)))
    chosen = chosen[np.argsort(number, kind="stable")]
    verdict, left = np.divmod(rows["said"][chosen].astype(np.int64), len(LEFTS))
    score, seconds = rows["score"][chosen], rows["seconds"][chosen]
    return _Judgments(
        key=rows["key"][chosen],
        rater=rater[chosen],
        task=task[chosen],
        verdict=np.where(verdict == VERDICTS.index(""), UNKNOWN, verdict),
        left=left + UNKNOWN,
        score=np.where(score == NO_SCORE, np.nan, score),
        seconds=np.where(seconds < 0, np.nan, seconds),
        answer=rows["answer"][chosen].astype(np.int64),
    )


@dataclass(frozen=True, kw_only=True)
class _Tasks:
    """A study's tasks, [tasks], in the order of their keys."""

    key: Ints
    system: Ints
    is_gold: Bools
    #: Of all outputs that a task shows.
    characters: Ints


def _tasks(study: Study) -> _Tasks:
    lengths = _characters(study)
    names = ("output_a", "output_b", "system_b")
    shown = [Coalesce(F(name), Value(0)) for name in names]
    rows = study.tasks.order_by("pk").values_list("pk", "system_a", "is_gold", *shown)
    key, a, is_gold, *outputs, b = _table(rows, 6).T
    _, system = np.unique(a * (int(b.max(initial=0)) + 1) + b, return_inverse=True)
    if protocol_of(study).is_grouped:
        characters = _characters_of_groups(study, key, lengths)
    else:
        characters = sum((_length(output, lengths) for output in outputs), np.zeros_like(key))
    return _Tasks(key=key, system=system, is_gold=is_gold == 1, characters=characters)


def _characters(study: Study) -> Ints:
    """Return [outputs, 2]: key and characters of the outputs of the study's prompts; 0 is none."""
    done = Output.objects.done().filter(prompt__prompt_set=study.prompt_set_id)
    found = _table(done.order_by("pk").values_list("pk", Length("text")), 2)
    return np.concatenate([np.zeros((1, 2), dtype=np.int64), found])


def _table(rows: QuerySet[Any, Any], columns: int) -> Ints:
    """Return [rows, columns] of whole numbers."""
    return np.fromiter(chain.from_iterable(raw_rows(rows)), dtype=np.int64).reshape(-1, columns)


def _length(output: Ints, lengths: Ints) -> Ints:
    place = np.minimum(np.searchsorted(lengths[:, 0], output), len(lengths) - 1)
    return np.where(lengths[place, 0] == output, lengths[place, 1], 0)


def _characters_of_groups(study: Study, tasks: Ints, lengths: Ints) -> Ints:
    places = TaskOutput.objects.filter(task__study=study, output__isnull=False)
    task, output = _table(places.values_list("task", "output").order_by("task"), 2).T
    total = np.bincount(_places(tasks, task), _length(output, lengths), len(tasks))
    return total.astype(np.int64)


def _checks(study: Study) -> dict[int, tuple[int, list[str]]]:
    """Return the kind and the right answers of each check, by task."""
    rows = study.golds.checks().values_list("task", "kind", "expected")
    return {task: (_CHECKS[Gold.Kind(kind)], expected) for task, kind, expected in rows}


def _columns(
    study: Study,
    rows: _Judgments,
    answers: list[Said],
    tasks: _Tasks,
    raters: int,
    checks: dict[int, tuple[int, list[str]]],
) -> Columns:
    check, off = _marks(rows, checks)
    check[np.isin(rows.key, _repeats(study))] = REPEAT
    return Columns(
        **vars(_code(study, rows, answers, tasks)),
        judgment=rows.key,
        rater=rows.rater,
        raters=raters,
        task=rows.task,
        system=tasks.system[rows.task],
        a_left=np.where(rows.left >= 0, 1 - rows.left, UNKNOWN),
        score=rows.score,
        seconds=rows.seconds,
        characters=tasks.characters[rows.task],
        check=check,
        off=off,
        group=rows.rater,
        groups=raters,
    )


def _repeats(study: Study) -> Ints:
    """Return the judgments that are second answers to a task."""
    if not study.way.repeat_every:
        return np.zeros(0, dtype=np.int64)
    keys = study.judgments.filter(is_repeat=True).order_by().values_list("pk", flat=True)
    return np.fromiter(keys.iterator(), dtype=np.int64)


def _code(study: Study, rows: _Judgments, answers: list[Said], tasks: _Tasks) -> Coded:
    protocol = protocol_of(study)
    if study.protocol in SCORED:
        return code_scores(rows.score, rows.left, has_sides=protocol.has_sides)
    if study.protocol in FEW_ANSWERS:
        return code_verdicts(rows.verdict, rows.left)
    own = _own_anchor(protocol.hidden)
    # The same answers come again and again: each is coded once.
    coded = code_answers(answers, hidden=len(protocol.hidden), anchors=[own] * len(answers))
    found = Coded(**{name: column[rows.answer] for name, column in vars(coded).items()})
    places = {} if own else _anchors(study)
    if not places:
        return found
    # The place is the task's, so here each judgment is coded.
    each = [answers[number] for number in rows.answer.tolist()]
    anchors = [places.get(task) for task in tasks.key[rows.task].tolist()]
    anchor = code_answers(each, hidden=len(protocol.hidden), anchors=anchors).anchor
    return replace(found, anchor=anchor)


def _own_anchor(hidden: tuple[str, ...]) -> int | None:
    """Return the place of the mid anchor that is made from the reference, from the end."""
    return hidden.index(MID_ANCHOR) - len(hidden) if MID_ANCHOR in hidden else None


def _anchors(study: Study) -> dict[int, int]:
    """Return the place of the mid anchor by task; a rule names the system that is it."""
    slug = study.rules.in_force().exclude(system="").values("system")[:1]
    places = TaskOutput.objects.filter(task__study=study, system__slug=slug)
    return dict(places.values_list("task", "place"))


def _marks(rows: _Judgments, checks: dict[int, tuple[int, list[str]]]) -> tuple[Ints, Floats]:
    """Return what each judgment was checked against, and how far it is off."""
    check = np.full(len(rows.key), TARGET)
    off = np.full(len(rows.key), np.nan)
    asked = np.flatnonzero(np.isin(rows.task, np.array(list(checks), dtype=np.int64)))
    score = np.nan_to_num(rows.score, nan=UNKNOWN).astype(np.int64)
    given = [rows.task, rows.verdict - UNKNOWN, rows.left - UNKNOWN, score - UNKNOWN]
    # The same answers to the same tasks come again and again: each is compared once.
    _, times, which = counted(*(column[asked] for column in given))
    first = np.zeros(len(times), dtype=np.int64)
    first[which[::-1]] = asked[::-1]
    marks = [checks[int(rows.task[place])] for place in first.tolist()]
    distance = [_off(m[1], rows, p) for m, p in zip(marks, first.tolist(), strict=True)]
    check[asked] = np.array([kind for kind, _ in marks], dtype=np.int64)[which]
    off[asked] = np.array(distance, dtype=np.float64)[which]
    return check, off


def _off(expected: list[str], rows: _Judgments, place: int) -> float:
    if rows.verdict[place] < 0:
        score = float(rows.score[place])
        return min(abs(score - float(right)) for right in expected)
    verdict = int(rows.verdict[place])
    given = {VERDICTS[verdict]}
    if verdict < 2 and rows.left[place] >= 0:
        given.add(PRESSED[verdict ^ int(rows.left[place])])
    return np.inf if given.isdisjoint(expected) else 0.0
