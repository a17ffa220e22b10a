"""A study's judgments as columns: four queries, whatever the study's size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, product

import numpy as np
from django.db.models import Case, F, IntegerField, Value, When
from django.db.models.functions import Coalesce, Length

from annotation.models import Gold, Side, Study
from annotation.quality.columns import (
    ATTENTION,
    GOLD,
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
_NO_SCORE = -1000
#: What `Columns.pressed` means where sides are asked for.
PRESSED = ("left", "right", "tie", "both_bad")
_CHECKS = {Gold.Kind.GOLD: GOLD, Gold.Kind.ATTENTION: ATTENTION}

#: What a study of the protocol offers to measure.
OFFERS: dict[str, frozenset[Needs]] = {
    Study.Protocol.PAIRWISE: frozenset({Needs.NOTHING, Needs.SIDES}),
    Study.Protocol.MOS: frozenset({Needs.NOTHING, Needs.SCORES}),
}


def offers(study: Study) -> frozenset[Needs]:
    return OFFERS[study.protocol]


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

    `raters` are keys, in order. With `upto`, what a reader saw when that judgment was the newest.
    Training and qualification are left out: only the step of judging is measured.
    """
    rows = _judgments(study, upto)
    tasks, places = _tasks(study), np.array(sorted(raters), dtype=np.int64)
    checks = _checks(study)
    number = np.searchsorted(tasks[:, 0], rows.task)
    is_practice = (tasks[number, 4] == 1) & ~np.isin(
        rows.task, np.array(list(checks), dtype=np.int64)
    )
    kept = np.isin(rows.rater, places) & ~is_practice
    found = _columns(_only(rows, kept), number[kept], tasks, places, _characters(study), checks)
    return StudyColumns(columns=found, raters=places.tolist(), newest=int(rows.key.max(initial=0)))


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
    has_verdict = verdict >= 0
    return _Judgments(
        key=key,
        rater=rater,
        task=task,
        verdict=np.where(has_verdict, verdict // len(_LEFTS), UNKNOWN),
        left=np.where(has_verdict, verdict % len(_LEFTS) + UNKNOWN, UNKNOWN),
        score=np.where(table[:, 4] == _NO_SCORE, np.nan, table[:, 4]),
        seconds=np.where(table[:, 5] < 0, np.nan, table[:, 5]),
    )


def _verdicts() -> Case:
    """Return verdict and left as one number: every column more costs at a million rows."""
    codes = product(VERDICTS.items(), enumerate(_LEFTS))
    return Case(
        *(
            When(verdict=verdict, left=left, then=Value(number * len(_LEFTS) + side))
            for (verdict, number), (side, left) in codes
        ),
        default=Value(UNKNOWN),
        output_field=IntegerField(),
    )


def _tasks(study: Study) -> Ints:
    """Return [tasks, 5]: key, outputs a and b (0: none), system a, whether its answer is known."""
    output = [Coalesce(F(name), Value(0)) for name in ("output_a", "output_b")]
    rows = study.tasks.order_by("pk").values_list("pk", *output, "system_a", "is_gold")
    cells = chain.from_iterable(rows.iterator(chunk_size=_BATCH))
    return np.fromiter(cells, dtype=np.int64).reshape(-1, 5)


def _characters(study: Study) -> Ints:
    """Return [outputs, 2]: key and characters of the outputs of the study's prompts; 0 is none."""
    done = Output.objects.done().filter(prompt__prompt_set=study.prompt_set_id)
    rows = done.order_by("pk").values_list("pk", Length("text"))
    cells = chain.from_iterable(rows.iterator(chunk_size=_BATCH))
    found = np.fromiter(cells, dtype=np.int64).reshape(-1, 2)
    return np.concatenate([np.zeros((1, 2), dtype=np.int64), found])


def _checks(study: Study) -> dict[int, tuple[int, list[str]]]:
    """Return the kind and the right answers of each check, by task."""
    rows = study.golds.checks().values_list("task", "kind", "expected")
    return {task: (_CHECKS[Gold.Kind(kind)], expected) for task, kind, expected in rows}


def _only(rows: _Judgments, kept: Bools) -> _Judgments:
    return _Judgments(**{name: column[kept] for name, column in vars(rows).items()})


def _columns(
    rows: _Judgments,
    number: Ints,
    tasks: Ints,
    raters: Ints,
    characters: Ints,
    checks: dict[int, tuple[int, list[str]]],
) -> Columns:
    is_side = rows.verdict < 2
    # a and b are 0 and 1, and so are left and right: a verdict for the left one is its number.
    chose_right = rows.verdict ^ rows.left
    has_sides = (rows.verdict >= 0) & (rows.left >= 0)
    pressed = np.where(is_side, chose_right, rows.verdict)
    of_score = _whole(rows.score)
    is_verdict = rows.verdict >= 0
    rater = np.searchsorted(raters, rows.rater)
    check, off = _marks(rows, checks)
    nothing = np.full(len(rows.key), np.nan)
    return Columns(
        judgment=rows.key,
        rater=rater,
        raters=len(raters),
        task=number,
        system=tasks[number, 3],
        answer=np.where(is_verdict, rows.verdict, of_score),
        pressed=np.where(is_verdict, np.where(has_sides, pressed, UNKNOWN), of_score),
        chose_left=np.where(has_sides & is_side, 1 - chose_right, UNKNOWN),
        a_left=np.where(rows.left >= 0, 1 - rows.left, UNKNOWN),
        score=rows.score,
        seconds=rows.seconds,
        characters=_shown(tasks[number, 1], characters) + _shown(tasks[number, 2], characters),
        check=check,
        off=off,
        reference=nothing,
        anchor=nothing,
        group=rater,
        groups=len(raters),
    )


def _shown(output: Ints, characters: Ints) -> Ints:
    place = np.minimum(np.searchsorted(characters[:, 0], output), len(characters) - 1)
    return np.where(characters[place, 0] == output, characters[place, 1], 0)


def _marks(rows: _Judgments, checks: dict[int, tuple[int, list[str]]]) -> tuple[Ints, Floats]:
    """Return what each judgment was checked against, and how far it is off."""
    check = np.full(len(rows.key), TARGET)
    off = np.full(len(rows.key), np.nan)
    asked = np.flatnonzero(np.isin(rows.task, np.array(list(checks), dtype=np.int64)))
    given = [rows.task, rows.verdict - UNKNOWN, rows.left - UNKNOWN, _whole(rows.score) - UNKNOWN]
    # The same answers to the same tasks come again and again: each is compared once.
    _, times, which = counted(*(column[asked] for column in given))
    first = np.zeros(len(times), dtype=np.int64)
    first[which[::-1]] = asked[::-1]
    marks = [checks[int(rows.task[place])] for place in first.tolist()]
    distance = [_off(m[1], rows, p) for m, p in zip(marks, first.tolist(), strict=True)]
    check[asked] = np.array([kind for kind, _ in marks], dtype=np.int64)[which]
    off[asked] = np.array(distance, dtype=np.float64)[which]
    return check, off


def _whole(score: Floats) -> Ints:
    return np.nan_to_num(score, nan=UNKNOWN).astype(np.int64)


def _off(expected: list[str], rows: _Judgments, place: int) -> float:
    if rows.verdict[place] < 0:
        score = float(rows.score[place])
        return min(abs(score - float(right)) for right in expected)
    verdict = int(rows.verdict[place])
    given = {list(VERDICTS)[verdict]}
    if verdict < 2 and rows.left[place] >= 0:
        given.add(PRESSED[verdict ^ int(rows.left[place])])
    return np.inf if given.isdisjoint(expected) else 0.0
