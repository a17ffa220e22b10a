"""Answers of every protocol as numbers that measures can compare."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.quality.columns import UNKNOWN, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Coded:
    """Columns of the same names, [n]: see `Columns`."""

    answer: Ints
    pressed: Ints
    chose_left: Ints
    reference: Floats
    anchor: Floats


def code_verdicts(verdict: Ints, left: Ints) -> Coded:
    """Code verdicts (a, b and more as 0, 1, ...) by what stood on the left (a: 0, b: 1)."""
    is_known, is_side = left >= 0, verdict < 2
    # a and b are 0 and 1, and so are left and right: a verdict for the left one is its number.
    chose_right = verdict ^ left
    pressed = np.where(is_side, chose_right, verdict)
    return _coded(
        answer=verdict,
        pressed=np.where(is_known, pressed, UNKNOWN),
        chose_left=np.where(is_known & is_side, 1 - chose_right, UNKNOWN),
    )


def code_scores(score: Floats, left: Ints, *, has_sides: bool) -> Coded:
    """Code scores; with sides, a score is a against b, and on the screen the second against the
    first, so that one below 0 is for what stood first."""
    whole = score.astype(np.int64)
    shift = max(0, -int(whole.min(initial=0)), int(whole.max(initial=0)) if has_sides else 0)
    if not has_sides:
        return _coded(answer=whole + shift, pressed=whole + shift)
    is_known = left >= 0
    on_screen = np.where(left == 0, -whole, whole)
    return _coded(
        answer=whole + shift,
        pressed=np.where(is_known, on_screen + shift, UNKNOWN),
        chose_left=np.where(is_known & (whole != 0), on_screen < 0, UNKNOWN),
    )


def code_answers(answers: list[dict[str, Any]], *, hidden: int, anchors: list[int | None]) -> Coded:
    """Number what goes beyond a verdict or a score; equal answers get equal numbers.

    Scores of the `hidden` signals are the last, the reference's first among them. `anchors` are the
    places of the mid anchor, [n]; below 0 they count from the end.
    """
    scores = [answer.get("scores") for answer in answers]
    return _coded(
        answer=_numbered([_said(answer) for answer in answers]),
        pressed=_numbered([_on_screen(answer) for answer in answers]),
        reference=_floats(s[-hidden] if hidden and isinstance(s, list) else None for s in scores),
        anchor=_floats(
            s[place] if place is not None and isinstance(s, list) else None
            for s, place in zip(scores, anchors, strict=True)
        ),
    )


def _coded(
    *,
    answer: Ints,
    pressed: Ints,
    chose_left: Ints | None = None,
    reference: Floats | None = None,
    anchor: Floats | None = None,
) -> Coded:
    nothing = np.full(len(answer), np.nan)
    return Coded(
        answer=answer,
        pressed=pressed,
        chose_left=np.full(len(answer), UNKNOWN) if chose_left is None else chose_left,
        reference=nothing if reference is None else reference,
        anchor=nothing if anchor is None else anchor,
    )


def _said(answer: dict[str, Any]) -> Hashable:
    scores = answer.get("scores")
    if isinstance(scores, dict):
        return tuple(sorted(scores.items()))
    return tuple(scores) if scores else (answer["best"], answer["worst"])


def _on_screen(answer: dict[str, Any]) -> Hashable | None:
    """Return the answer in the order shown; None where an import does not say it."""
    order, scores = answer.get("order"), answer.get("scores")
    if isinstance(scores, dict):
        return _said(answer)
    if not order:
        return None
    if scores:
        return tuple(scores[place] for place in order)
    return order.index(answer["best"]), order.index(answer["worst"])


def _numbered(values: list[Hashable | None]) -> Ints:
    number: dict[Hashable, int] = {}
    return np.array(
        [UNKNOWN if v is None else number.setdefault(v, len(number)) for v in values],
        dtype=np.int64,
    )


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
