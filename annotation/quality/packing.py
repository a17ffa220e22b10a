"""A study's judgments as one array of rows, so that a look at raters reads each judgment once.

What is settled is stored packed, a stretch a row; what came later is read from the table, and
packed when it has become much. Two readers who pack the same stretch at once store it once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import (
    Case,
    F,
    FloatField,
    IntegerField,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from annotation.models import PackedJudgments, Side, Study
from annotation.settled import settled_judgment
from evalsite.lib.db import raw_rows, write_transaction

#: So many new judgments are packed by the next reader.
PACK_AT = 2000
#: Protocols whose answer is a verdict or a score, whatever is said besides.
FEW_ANSWERS = ("pairwise", "mos", "dcr", "ccr")
#: Verdicts as numbers; then no verdict.
VERDICTS = ("a", "b", "tie", "both_bad", "")
#: What may stand in a judgment's `left`: nothing, and then the sides from 0.
LEFTS = ("", Side.A, Side.B)
#: Where there is no score, and no seconds.
NO_SCORE, NO_SECONDS = -1000, -1.0

_ROW = np.dtype(
    [
        ("key", "<i8"),
        ("rater", "<i8"),
        ("task", "<i8"),
        ("said", "u1"),  # verdict * lefts + left
        ("score", "<i2"),
        ("seconds", "<f8"),
        ("corrects", "<i8"),  # 0: none
        ("answer", "<u4"),  # its place among the answers
    ]
)
Rows = NDArray[np.void]
#: An answer beyond verdict and score, in task terms.
Said = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Rows by key, with the different answers that they point to."""

    rows: Rows
    answers: list[Said]


def read_packed(study: Study) -> Packed:
    """Return all of the study's judgments; those that were corrected since are there, too."""
    stretches = list(PackedJudgments.objects.filter(study=study).order_by("after"))
    watermark = stretches[-1].upto if stretches else 0
    later = _read(study, watermark)
    if len(later.rows) >= PACK_AT:
        _pack(study, later, after=watermark)
    packed = [_unpacked(stretch) for stretch in stretches]
    return _joined([*packed, later])


def _unpacked(stretch: PackedJudgments) -> Packed:
    return Packed(rows=np.frombuffer(bytes(stretch.rows), dtype=_ROW), answers=stretch.answers)


def _joined(parts: list[Packed]) -> Packed:
    rows = np.concatenate([part.rows for part in parts])
    before = np.cumsum([0] + [len(part.answers) for part in parts[:-1]])
    rows["answer"] += np.repeat(before, [len(part.rows) for part in parts]).astype(np.uint32)
    return Packed(rows=rows, answers=[answer for part in parts for answer in part.answers])


def _pack(study: Study, later: Packed, *, after: int) -> None:
    """Store what is settled of the rows; nothing if that is not known, or some came meanwhile."""
    settled = settled_judgment() or 0
    rows = later.rows[later.rows["key"] <= settled]
    there = study.judgments.order_by().filter(pk__gt=after, pk__lte=settled).count()
    if len(rows) == 0 or len(rows) != there:
        return
    stretch = PackedJudgments(
        study=study,
        after=after,
        upto=int(rows["key"][-1]),
        rows=rows.tobytes(),
        answers=later.answers,
    )
    with write_transaction():
        PackedJudgments.objects.bulk_create([stretch], ignore_conflicts=True)


def _read(study: Study, after: int) -> Packed:
    # Every value more costs at a million rows, and every text.
    fields: dict[str, Any] = {
        "said": _number("verdict", VERDICTS, len(LEFTS)) + _number("left", LEFTS, 1),
        "as_score": Coalesce("score", Value(NO_SCORE), output_field=IntegerField()),
        "as_seconds": Coalesce("seconds", Value(NO_SECONDS), output_field=FloatField()),
        "corrects": Coalesce(F("supersedes"), Value(0)),
        "as_text": Value(0) if study.protocol in FEW_ANSWERS else Cast("answer", TextField()),
    }
    later = study.judgments.filter(pk__gt=after).order_by("pk").annotate(**fields)
    given = later.values_list("pk", "rater", "task", *fields)
    if study.protocol in FEW_ANSWERS:
        return Packed(rows=np.fromiter(raw_rows(given), dtype=_ROW), answers=[])
    places: dict[str, int] = {}
    rows = np.fromiter(_numbered(given, places), dtype=_ROW)
    return Packed(rows=rows, answers=[json.loads(text) for text in places])


def _numbered(given: QuerySet[Any, Any], places: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows with a number in place of each answer's text, noted in `places`."""
    for *numbers, text in raw_rows(given):
        yield *numbers, places.setdefault(text, len(places))


def _number(field: str, values: tuple[str, ...], step: int) -> Case:
    """Return the place of a text among the few that it can be, times a step."""
    return Case(
        *(When(**{field: value}, then=Value(place * step)) for place, value in enumerate(values)),
        output_field=IntegerField(),
    )
