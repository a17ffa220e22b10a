"""What researchers see of the audio gate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from annotation.audio_gate.parts import ATTEMPTS, PARTS, SOUNDS, Part
from annotation.models import AudioCheck, Rater


@dataclass(frozen=True, kw_only=True)
class AudioOutcome:
    """How one rater went through the gate; `words` are for a table's cell."""

    words: str
    is_bad: bool


def audio_outcomes(raters: Iterable[Rater]) -> dict[int, AudioOutcome]:
    """Return the outcome so far of each rater, by key, who has begun an attempt."""
    checks = AudioCheck.objects.filter(rater__in=list(raters)).order_by("number")
    return {check.rater_id: _outcome(check) for check in checks}


def _outcome(check: AudioCheck) -> AudioOutcome:
    state = {True: "passed", False: "failed", None: "at it"}[check.has_passed]
    return AudioOutcome(
        words=f"{state}, try {check.number} of {ATTEMPTS}", is_bad=check.has_passed is False
    )


@dataclass(frozen=True, kw_only=True)
class AudioRow:
    """One part of one attempt, for the rater's page."""

    attempt: int
    part: str
    #: None: not answered.
    right: int | None
    count: int
    needed: int
    has_passed: bool


def audio_rows(rater: Rater) -> list[AudioRow]:
    return [
        _row(check, stored) for check in rater.audio_checks.order_by("number")
        for stored in check.parts
    ]  # fmt: skip


def _row(check: AudioCheck, stored: dict[str, list[int]]) -> AudioRow:
    part = PARTS[str(stored["name"])]
    right = None
    if "answers" in stored:
        right = Part.count_right(stored["right"], stored["answers"])
    return AudioRow(
        attempt=check.number,
        part=part.label,
        right=right,
        count=SOUNDS,
        needed=part.needed,
        has_passed=right is not None and right >= part.needed,
    )
