"""Serving tasks and taking answers: the product's heart, short enough to check by eye.

What must hold is held by the database: a slot is claimed by one conditional update, and unique
constraints refuse a repeat, a second live claim and a second first judgment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils.timezone import now

from annotation.blinding import offered_choices
from annotation.design import choose_slot
from annotation.exceptions import (
    AssignmentClosed,
    AssignmentExpired,
    AssignmentUnknown,
    NothingToUndo,
    StudyNotOpen,
)
from annotation.launch import admit_finished_outputs
from annotation.models import Assignment, Judgment, Rater, Study, Task
from annotation.protocols import protocol_of
from annotation.walks import open_slots_for, seen_by, take_back_expired, walk_to
from evalsite.lib.db import write_transaction

MAX_SECONDS = 24 * 3600.0
MAX_COMMENT = 5000


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a rater sees next: an assignment, or none, and how far they are."""

    assignment_pk: int | None
    judged: int
    is_correction: bool = False


@write_transaction()
def next_turn(rater: Rater) -> Turn:
    """Return the rater's task: the one being corrected, the one on screen, or a new claim."""
    if connection.features.has_select_for_update:
        # The same rater in two tabs: the second waits, and is shown what the first has claimed.
        Rater.objects.select_for_update(no_key=True).values("pk").get(pk=rater.pk)
    return _held_turn(rater)


def _held_turn(rater: Rater) -> Turn:
    held = rater.assignments.filter(state__in=[Assignment.State.CLAIMED, Assignment.State.JUDGED])
    if rater.study.state == Study.State.CLOSED:
        # What is on a screen can no longer be answered, so it is not shown again.
        return Turn(assignment_pk=None, judged=held.filter(state=Assignment.State.JUDGED).count())
    correcting = held.filter(reopened_at__isnull=False).values_list("pk", flat=True).first()
    if correcting:
        judged = held.filter(state=Assignment.State.JUDGED).count()
        return Turn(assignment_pk=correcting, judged=judged - 1, is_correction=True)
    live = held.filter(state=Assignment.State.CLAIMED, lease_until__gt=now())
    if pk := live.values_list("pk", flat=True).first():
        return Turn(assignment_pk=pk, judged=held.filter(state=Assignment.State.JUDGED).count())
    take_back_expired(rater.study)
    return _claim_next(rater)


def _claim_next(rater: Rater, after: Task | None = None) -> Turn:
    """Claim the open slot that suits the rater best; `after` is the task just judged, if any."""
    study = rater.study
    seen, judged = seen_by(rater, after)
    if study.state != Study.State.OPEN or judged >= study.quota:
        return Turn(assignment_pk=None, judged=judged)
    if study.is_waiting:
        admit_finished_outputs(study)
    while slots := open_slots_for(rater):
        candidates = [slot.candidate for slot in slots]
        chosen = slots[choose_slot(candidates, seen, shares=study.category_shares)]
        if _claim(chosen.pk, rater):
            walk_to(rater, slots[0].position)
            return Turn(assignment_pk=chosen.pk, judged=judged)
    return Turn(assignment_pk=None, judged=judged)


def _claim(slot: int, rater: Rater) -> bool:
    """Claim the slot if it is still open. This one statement is what prevents over-target."""
    lease = timedelta(minutes=rater.study.lease_minutes)
    claimed = Assignment.objects.filter(pk=slot, state=Assignment.State.OPEN).update(
        state=Assignment.State.CLAIMED, rater=rater, claimed_at=now(), lease_until=now() + lease
    )
    return bool(claimed)


@write_transaction()
def judge_and_go_on(
    rater: Rater, *, token: UUID, choice: str, seconds: float | None = None, comment: str = ""
) -> Turn:
    """Store the answer and find the next task, in one transaction: see `submit_judgment`."""
    judgment = _submit(rater, token, choice, seconds, comment)
    # Only a correction can leave another task on the rater's screen.
    if judgment.supersedes_id:
        return _held_turn(rater)
    return _claim_next(rater, after=judgment.task)


@write_transaction()
def submit_judgment(
    rater: Rater, *, token: UUID, choice: str, seconds: float | None = None, comment: str = ""
) -> Judgment:
    """Record the rater's answer and close the assignment.

    The answer arrives in screen terms (left, right) and is stored in task terms (a, b). Raises
    `AssignmentUnknown`, `AssignmentClosed` (a double submit), `AssignmentExpired`,
    `ChoiceUnknown` and `StudyNotOpen`; nothing is stored then.
    """
    return _submit(rater, token, choice, seconds, comment)


def _submit(
    rater: Rater, token: UUID, choice: str, seconds: float | None, comment: str
) -> Judgment:
    slot = _own_slot(rater, token)
    if rater.study.state not in (Study.State.OPEN, Study.State.PAUSED):
        raise StudyNotOpen("The study has ended; this answer could not be stored any more.")
    answer = protocol_of(rater.study).read(
        choice, left=slot.left, offered=offered_choices(rater.study)
    )
    return Judgment.objects.create(
        study=rater.study,
        task=slot.task,
        rater=rater,
        assignment=slot,
        left=slot.left if rater.study.protocol == Study.Protocol.PAIRWISE else "",
        verdict=answer.verdict,
        score=answer.score,
        seconds=_bounded(seconds, slot),
        comment=comment.strip()[:MAX_COMMENT],
        supersedes=_close(slot),
    )


#: What judging and skipping read of a slot; every column costs.
_OF_OWN_SLOT = (
    "study_id", "k", "left", "position", "state", "claimed_at", "task__prompt_id",
    "task__system_a_id", "task__system_b_id",
)  # fmt: skip


def _own_slot(rater: Rater, token: UUID) -> Assignment:
    # Locked, so that the second of two equal answers finds the slot closed by the first.
    own = Assignment.objects.select_for_update(no_key=True, of=("self",)).select_related("task")
    try:
        return own.only(*_OF_OWN_SLOT).get(token=token, rater=rater)
    except Assignment.DoesNotExist:
        # Either somebody else's, or this rater's until its lease ran out.
        raise AssignmentUnknown from None


def _close(slot: Assignment) -> Judgment | None:
    """Mark the slot judged by one conditional update; return the judgment that is corrected."""
    mine = Assignment.objects.filter(pk=slot.pk)
    judged = {"state": Assignment.State.JUDGED, "judged_at": now(), "lease_until": None}
    if slot.state == Assignment.State.CLAIMED:
        live = mine.filter(state=Assignment.State.CLAIMED, lease_until__gt=now())
        if not live.update(**judged):
            raise AssignmentExpired
        return None
    reopened = mine.filter(reopened_at__isnull=False)
    if slot.state != Assignment.State.JUDGED or not reopened.update(reopened_at=None, **judged):
        raise AssignmentClosed
    return slot.judgments.current().get()


def _bounded(seconds: float | None, slot: Assignment) -> float | None:
    """Return the time that the page measured, never longer than the assignment was out."""
    if slot.claimed_at is None:
        return None
    most = (now() - slot.claimed_at).total_seconds()
    return round(min(max(seconds, 0.0), most, MAX_SECONDS) if seconds is not None else most, 2)


@write_transaction()
def reopen_last_judgment(rater: Rater) -> None:
    """Let the rater correct the last answer. The old one stands until a new one is there."""
    if rater.study.state not in (Study.State.OPEN, Study.State.PAUSED):
        raise NothingToUndo
    judged = rater.assignments.judged().order_by("-judged_at", "-pk")
    last = judged.values_list("pk", flat=True).first()
    if last is None or judged.filter(reopened_at__isnull=False).exists():
        raise NothingToUndo
    Assignment.objects.filter(pk=last).update(reopened_at=now())


@write_transaction()
def keep_judgment(rater: Rater) -> None:
    """Leave the correction; the answer that was given stands."""
    rater.assignments.judged().filter(reopened_at__isnull=False).update(reopened_at=None)


@write_transaction()
def skip_assignment(rater: Rater, *, token: UUID) -> None:
    """Set the task aside for good. Its slot stays with the rater, a fresh one takes its place."""
    slot = _own_slot(rater, token)
    skipped = Assignment.objects.filter(pk=slot.pk, state=Assignment.State.CLAIMED).update(
        state=Assignment.State.SKIPPED, lease_until=None
    )
    if not skipped:
        raise AssignmentClosed
    Assignment.objects.create(
        study_id=slot.study_id,
        task_id=slot.task_id,
        k=slot.k,
        left=slot.left,
        position=slot.position,
        state=Assignment.State.OPEN,
    )


def assignment_for_screen(pk: int) -> Assignment:
    """Return the assignment with what its page shows and no more, in one query."""
    shown = Assignment.objects.select_related("task__prompt", "task__output_a", "task__output_b")
    return shown.only(
        "study_id", "token", "left", "task__prompt__html", "task__output_a__html",
        "task__output_b__html",
    ).get(pk=pk)  # fmt: skip
