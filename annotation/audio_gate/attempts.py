"""Going through the audio gate: an attempt is begun, its parts are answered and judged here.

What is right is drawn by the server for each rater and attempt, stored, and never in a page. An
answer is taken once, for the part that is open, and only with the id that this part's page had.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext

from annotation.audio_gate.parts import ALL, ATTEMPTS, PARTS, SOUNDS, Part
from annotation.exceptions import AnswerIncomplete, ChoiceUnknown, PartClosed
from annotation.models import AudioCheck, Rater
from annotation.steps import AUDIO, complete_step
from evalsite.lib.db import write_transaction

_SEEDS = 2**63


@dataclass(frozen=True, kw_only=True)
class BlindSound:
    label: str
    #: Stands in its address.
    id: str
    #: The field of its answer.
    field: str
    value: str


@dataclass(frozen=True, kw_only=True)
class BlindPart:
    """What a rater's page shows of a part: its words and addresses, nothing of what is right."""

    form: str
    title: str
    why: str
    question: str
    #: Value and words.
    choices: tuple[tuple[str, str], ...]
    sounds: tuple[BlindSound, ...]
    #: From 1, of so many.
    number: int
    count: int


def parts_of(rater: Rater) -> list[Part]:
    wanted = rater.study.way.audio_gate
    return [part for part in ALL if part.name in wanted]


def latest_attempt(rater: Rater) -> AudioCheck | None:
    return rater.audio_checks.order_by("-number").first()


@write_transaction()
def begin_attempt(rater: Rater) -> AudioCheck:
    """Begin the next attempt, or return the one that is open: a second tab begins none."""
    rater.lock()
    latest = latest_attempt(rater)
    if latest is not None and (latest.ended_at is None or latest.number == ATTEMPTS):
        return latest
    number = latest.number + 1 if latest else 1
    seed = secrets.randbelow(_SEEDS)
    parts = [_drawn(part, seed) for part in parts_of(rater)]
    return AudioCheck.objects.create(rater=rater, number=number, seed=seed, parts=parts)


def _drawn(part: Part, seed: int) -> dict[str, Any]:
    return {
        "name": part.name,
        "form": secrets.token_urlsafe(12),
        "sounds": [secrets.token_urlsafe(12) for _ in range(SOUNDS)],
        "right": part.draw(np.random.default_rng([seed, _place(part)])),
    }


def _place(part: Part) -> int:
    return ALL.index(part)


def blind_part(check: AudioCheck, kept: Mapping[str, str] | None = None) -> BlindPart | None:
    """Return the open part for its page, with what was chosen already; None after the last."""
    current = check.current
    if current is None:
        return None
    part, kept = PARTS[current["name"]], kept or {}
    return BlindPart(
        form=current["form"],
        title=gettext(part.title),
        why=gettext(part.why),
        question=gettext(part.question),
        choices=tuple((str(value), gettext(words)) for value, words in enumerate(part.choices)),
        sounds=tuple(
            BlindSound(label=_label(i), id=id_, field=_field(i), value=kept.get(_field(i), ""))
            for i, id_ in enumerate(current["sounds"])
        ),
        number=check.parts.index(current) + 1,
        count=len(check.parts),
    )


def sound_of(rater: Rater, sound: str) -> bytes | None:
    """Return the WAV file of that id, if it is one of the part that this rater is at."""
    check = latest_attempt(rater)
    current = check.current if check else None
    if check is None or current is None or sound not in current["sounds"]:
        return None
    number = current["sounds"].index(sound)
    part = PARTS[current["name"]]
    return part.sound([check.seed, _place(part)], current["right"][number], number)


@write_transaction()
def answer_part(rater: Rater, *, form: str, posted: Mapping[str, str]) -> AudioCheck:
    """Take the answers to the open part, and judge it; a failed one ends the attempt.

    The last attempt failed screens the rater out; the last part passed completes the step. Raises
    `PartClosed` for another page than that of the open part (one sent again, or from another
    tab), `AnswerIncomplete`, and `ChoiceUnknown`. Then nothing is stored and no attempt is lost.
    """
    rater.lock()
    check = latest_attempt(rater)
    current = check.current if check else None
    if check is None or current is None or form != current["form"]:
        raise PartClosed
    part = PARTS[current["name"]]
    current["answers"] = [_choice(part, posted, number) for number in range(SOUNDS)]
    if not part.is_passed(current["right"], current["answers"]):
        check.end(has_passed=False)
    elif check.current is None:
        check.end(has_passed=True)
    check.save(update_fields=["parts", "has_passed", "ended_at"])
    if check.has_passed:
        complete_step(rater, AUDIO)
    elif check.has_passed is False and check.number == ATTEMPTS:
        rater.end(Rater.Outcome.SCREENED_OUT)
    return check


def _choice(part: Part, posted: Mapping[str, str], number: int) -> int:
    value = posted.get(_field(number), "")
    if not value:
        words = gettext("One answer is missing: %(label)s")
        raise AnswerIncomplete(words % {"label": _label(number)})
    places = [str(place) for place in range(len(part.choices))]
    if value not in places:
        raise ChoiceUnknown
    return int(value)


def _label(number: int) -> str:
    return gettext("Sound %(number)s") % {"number": number + 1}


def _field(number: int) -> str:
    return f"sound_{number + 1}"


def advice_after(check: AudioCheck) -> str:
    """Say what to try again with, after a failed attempt."""
    failed = [part for part in check.parts if "answers" in part]
    return gettext(PARTS[failed[-1]["name"]].advice) if failed else ""
