"""A study's judgments as columns: a few queries, whatever the study's size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, product

import numpy as np
from django.db.models import Case, F, IntegerField, Value, When
from django.db.models.functions import Coalesce, Length

from annotation.models import Gold, Side, Study, TaskOutput
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
from generation.models import Output

_BATCH = 50_000
#: Verdicts as numbers; a score is its own.
VERDICTS = {"a": 0, "b": 1, "tie": 2, "both_bad": 3}
#: What may stand in a judgment's `left`: nothing, and then the sides from 0.
_LEFTS = ("", Side.A, Side.B)
#: A judgment without a verdict, among the verdicts.
_NO_VERDICT = len(VERDICTS)
_NO_SCORE = -1000
#: What `Columns.pressed` means where sides are asked for.
PRESSED = ("left", "right", "tie", "both_bad")
_CHECKS = {Gold.Kind.GOLD: GOLD, Gold.Kind.ATTENTION: ATTENTION}

#: Protocols whose answer is one of a few, and those whose answer is one score.
FEW_ANSWERS = ("pairwise", "mos", "dcr", "ccr")
SCORED = ("mos", "dcr", "ccr")


def offers(study: Study) -> frozenset[Needs]:
    """Return what the study, by its protocol and options, has for measures."""
    protocol = protocol_of(study)
    has = {
        Needs.NOTHING: True,
        Needs.SIDES: protocol.has_sides,
        Needs.FEW_ANSWERS: study.protocol in FEW_ANSWERS,
        Needs.SCORES: study.protocol in SCORED,
        Needs.REFERENCE: protocol.is_grouped and protocol.shows_reference,
    }
    return frozenset(need for need, there in has.items() if there)


@dataclass(frozen=True, kw_only=True)
class _Judgments:
    """The rows as they come: keys and codes, [n]."""

    key: Ints
    rater: Ints
    task: Ints
    verdict: Ints
    left: Ints
    score: Floats
    seconds: Floats


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
    rows = _judgments(study, upto)
    tasks, people = _tasks(study), np.array(sorted(raters), dtype=np.int64)
    checks = _checks(study)
    is_known = np.isin(rows.task, np.array(list(checks), dtype=np.int64))
    is_practice = tasks.is_gold[_places(tasks.key, rows.task)] & ~is_known
    kept = _only(rows, np.isin(rows.rater, people) & ~is_practice)
    found = _columns(study, kept, tasks, people, checks)
    return StudyColumns(columns=found, raters=people.tolist(), newest=int(rows.key.max(initial=0)))


def _places(keys: Ints, wanted: Ints) -> Ints:
    """Return where each wanted key stands in the sorted keys; all of them do."""
    return np.searchsorted(keys, wanted)


def _judgments(study: Study, upto: int | None) -> _Judgments:
    """Return the judgments that stand, sorted by rater and then by key."""
    given = study.judgments.order_by()
    if upto is not None:
        given = given.filter(pk__lte=upto)
    fields = {
        "as_verdict": _verdicts(),
        "as_score": Coalesce("score", Value(_NO_SCORE), output_field=IntegerField()),
        "as_seconds": Coalesce("seconds", Value(float(UNKNOWN))),
        "corrects": Coalesce(F("supersedes"), Value(0)),
    }
    rows = given.annotate(**fields).values_list("pk", "rater", "task", *fields)
    cells = chain.from_iterable(rows.iterator(chunk_size=_BATCH))
    table = np.fromiter(cells, dtype=np.float64).reshape(-1, 3 + len(fields))
    table = table[~np.isin(table[:, 0], table[:, 6])]
    table = table[np.lexsort([table[:, 0], table[:, 1]])]
    key, rater, task, verdict = table[:, :4].astype(np.int64).T
    verdict, left = np.divmod(verdict, len(_LEFTS))
    return _Judgments(
        key=key,
        rater=rater,
        task=task,
        verdict=np.where(verdict == _NO_VERDICT, UNKNOWN, verdict),
        left=left + UNKNOWN,
        score=np.where(table[:, 4] == _NO_SCORE, np.nan, table[:, 4]),
        seconds=np.where(table[:, 5] < 0, np.nan, table[:, 5]),
    )


def _verdicts() -> Case:
    """Return verdict and left as one number: every column more costs at a million rows."""
    codes = product((VERDICTS | {"": _NO_VERDICT}).items(), enumerate(_LEFTS))
    return Case(
        *(
            When(verdict=verdict, left=left, then=Value(number * len(_LEFTS) + side))
            for (verdict, number), (side, left) in codes
        ),
        output_field=IntegerField(),
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
    cells = chain.from_iterable(rows.iterator(chunk_size=_BATCH))
    key, a, is_gold, *outputs, b = np.fromiter(cells, dtype=np.int64).reshape(-1, 6).T
    _, system = np.unique(a * (int(b.max(initial=0)) + 1) + b, return_inverse=True)
    if protocol_of(study).is_grouped:
        characters = _characters_of_groups(study, key, lengths)
    else:
        characters = sum((_length(output, lengths) for output in outputs), np.zeros_like(key))
    return _Tasks(key=key, system=system, is_gold=is_gold == 1, characters=characters)


def _characters(study: Study) -> Ints:
    """Return [outputs, 2]: key and characters of the outputs of the study's prompts; 0 is none."""
    done = Output.objects.done().filter(prompt__prompt_set=study.prompt_set_id)
    rows = done.order_by("pk").values_list("pk", Length("text"))
    cells = chain.from_iterable(rows.iterator(chunk_size=_BATCH))
    found = np.fromiter(cells, dtype=np.int64).reshape(-1, 2)
    return np.concatenate([np.zeros((1, 2), dtype=np.int64), found])


def _length(output: Ints, lengths: Ints) -> Ints:
    place = np.minimum(np.searchsorted(lengths[:, 0], output), len(lengths) - 1)
    return np.where(lengths[place, 0] == output, lengths[place, 1], 0)


def _characters_of_groups(study: Study, tasks: Ints, lengths: Ints) -> Ints:
    places = TaskOutput.objects.filter(task__study=study, output__isnull=False)
    cells = chain.from_iterable(places.values_list("task", "output").order_by("task"))
    task, output = np.fromiter(cells, dtype=np.int64).reshape(-1, 2).T
    total = np.bincount(_places(tasks, task), _length(output, lengths), len(tasks))
    return total.astype(np.int64)


def _checks(study: Study) -> dict[int, tuple[int, list[str]]]:
    """Return the kind and the right answers of each check, by task."""
    rows = study.golds.checks().values_list("task", "kind", "expected")
    return {task: (_CHECKS[Gold.Kind(kind)], expected) for task, kind, expected in rows}


def _only(rows: _Judgments, kept: Bools) -> _Judgments:
    return _Judgments(**{name: column[kept] for name, column in vars(rows).items()})


def _columns(
    study: Study,
    rows: _Judgments,
    tasks: _Tasks,
    raters: Ints,
    checks: dict[int, tuple[int, list[str]]],
) -> Columns:
    rater, task = _places(raters, rows.rater), _places(tasks.key, rows.task)
    check, off = _marks(rows, checks)
    check[np.isin(rows.key, _repeats(study))] = REPEAT
    return Columns(
        **vars(_code(study, rows)),
        judgment=rows.key,
        rater=rater,
        raters=len(raters),
        task=task,
        system=tasks.system[task],
        a_left=np.where(rows.left >= 0, 1 - rows.left, UNKNOWN),
        score=rows.score,
        seconds=rows.seconds,
        characters=tasks.characters[task],
        check=check,
        off=off,
        group=rater,
        groups=len(raters),
    )


def _repeats(study: Study) -> Ints:
    """Return the judgments that are second answers to a task."""
    if not study.way.repeat_every:
        return np.zeros(0, dtype=np.int64)
    keys = study.judgments.filter(is_repeat=True).order_by().values_list("pk", flat=True)
    return np.fromiter(keys.iterator(), dtype=np.int64)


def _code(study: Study, rows: _Judgments) -> Coded:
    protocol = protocol_of(study)
    if study.protocol in SCORED:
        return code_scores(rows.score, rows.left, has_sides=protocol.has_sides)
    if study.protocol in FEW_ANSWERS:
        return code_verdicts(rows.verdict, rows.left)
    stored = dict(study.judgments.order_by().values_list("pk", "answer").iterator(_BATCH))
    anchors = _anchors(study)
    return code_answers(
        [stored[pk] for pk in rows.key.tolist()],
        has_reference=protocol.is_grouped and protocol.shows_reference,
        anchors=[anchors.get(task) for task in rows.task.tolist()],
    )


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
    given = {list(VERDICTS)[verdict]}
    if verdict < 2 and rows.left[place] >= 0:
        given.add(PRESSED[verdict ^ int(rows.left[place])])
    return np.inf if given.isdisjoint(expected) else 0.0
