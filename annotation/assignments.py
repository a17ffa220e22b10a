"""Serving tasks and taking answers: the product's heart, short enough to check by eye.

What must hold is held by the database: a slot is claimed by one conditional update, and unique
constraints refuse a repeat, a second live claim and a second first judgment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict, Unpack
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, prefetch_related_objects
from django.utils.timezone import now
from django.utils.translation import gettext

from annotation.design import Candidate, choose_slot
from annotation.exceptions import (
    AnswerIncomplete,
    AssignmentClosed,
    AssignmentExpired,
    AssignmentUnknown,
    NothingToUndo,
    StudyNotOpen,
)
from annotation.gold import claim_check, mix_of
from annotation.launch import admit_finished_outputs
from annotation.models import (
    Assignment,
    AssignmentQuerySet,
    Flag,
    Judgment,
    Rater,
    Study,
    TaskOutput,
)
from annotation.paid_time import seconds_left
from annotation.protocols import Shown, protocol_of
from annotation.steps import reopen_judging
from evalsite.lib.db import write_transaction

#: So many open slots are looked at to balance a rater's sides.
WINDOW = 16
MAX_SECONDS = 24 * 3600.0
MAX_COMMENT = 5000

Pair = tuple[int, int | None]


class Reply(TypedDict, total=False):
    """What the form sends besides its token; `parts` are the fields of a longer form, by name."""

    choice: str
    parts: Mapping[str, str]
    seconds: float | None
    comment: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a rater sees next: an assignment, or none, and how far they are, checks included."""

    assignment_pk: int | None
    judged: int
    is_correction: bool = False
    #: The assignment, where it was claimed just now; its task is loaded.
    claimed: Assignment | None = field(default=None, compare=False, repr=False)
    #: True once the rater has judged as much as was asked, or as long as is paid.
    has_met_quota: bool = False
    #: Of the paid time, where it was looked up and the study pays by the hour.
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Met:
    """What a rater has judged: targets by pair of systems and side, and how many checks."""

    shown: dict[tuple[Pair, bool], int]
    checks: int

    @property
    def targets(self) -> int:
        return sum(self.shown.values())

    @property
    def judged(self) -> int:
        return self.targets + self.checks


@write_transaction()
def next_turn(rater: Rater) -> Turn:
    """Return the rater's task: the one being corrected, the one on screen, or a new claim."""
    # In two tabs: the second waits, and is shown what the first has claimed.
    rater.lock()
    return _held_turn(rater)


def _held_turn(rater: Rater) -> Turn:
    state = Assignment.State
    own = rater.assignments.of_judging()
    judged = own.filter(state=state.JUDGED)
    if rater.study.state == Study.State.CLOSED:
        # What is on a screen can no longer be answered, so it is not shown again.
        return Turn(assignment_pk=None, judged=judged.count())
    correcting = judged.filter(reopened_at__isnull=False).values_list("pk", flat=True).first()
    if correcting:
        return Turn(assignment_pk=correcting, judged=judged.count() - 1, is_correction=True)
    live = own.filter(state=state.CLAIMED, lease_until__gt=now())
    if pk := live.values_list("pk", flat=True).first():
        return Turn(assignment_pk=pk, judged=judged.count())
    return _claim_next(rater)


def _claim_next(rater: Rater) -> Turn:
    study = rater.study
    _take_back_expired(study)
    met = _met(rater)
    left = seconds_left(rater)
    has_met_quota = met.targets >= rater.promised > 0 or left == 0
    if study.state != Study.State.OPEN or has_met_quota:
        return Turn(assignment_pk=None, judged=met.judged, has_met_quota=has_met_quota)
    if study.is_waiting:
        admit_finished_outputs(study)
    if mix_of(rater).is_due(met.judged) and (pk := claim_check(rater, answered=met.judged)):
        return Turn(assignment_pk=pk, judged=met.judged, seconds_left=left)
    slot = _claim_target(rater, met)
    return Turn(
        assignment_pk=slot.pk if slot else None,
        judged=met.judged,
        seconds_left=left,
        claimed=slot,
    )


def _claim_target(rater: Rater, met: _Met) -> Assignment | None:
    """Claim the open slot that keeps the rater's sides balanced; None when nothing is open."""
    while window := _window(rater):
        candidates = [
            Candidate(
                pair=(slot.task.system_a_id, slot.task.system_b_id),
                prompt=slot.task.prompt_id,
                a_left=slot.left == "a",
            )
            for slot in window
        ]
        slot = window[choose_slot(candidates, met.shown)]
        if _claim(slot, rater):
            return slot
    return None


def _take_back_expired(study: Study) -> None:
    """Open the slots of raters who went away. The same raters may be given them again."""
    claimed = study.assignments.filter(state=Assignment.State.CLAIMED)
    claimed.filter(lease_until__lte=now()).give_back()


def _met(rater: Rater) -> _Met:
    """Count what the rater has judged, in one query."""
    rows = (
        rater.assignments.of_judging()
        .judged()
        .order_by()
        .values_list("purpose", "task__system_a", "task__system_b", "left")
        .annotate(count=Count("pk"))
    )
    shown: dict[tuple[Pair, bool], int] = {}
    checks = 0
    for purpose, a, b, left, count in rows:
        if purpose == Assignment.Purpose.TARGET:
            shown[(a, b), left == "a"] = count
        else:
            checks += count
    return _Met(shown=shown, checks=checks)


def _window(rater: Rater) -> list[Assignment]:
    """Return the next open slots on the rater's way, without tasks that the rater has met."""
    met = Assignment.objects.filter(rater=rater, task=OuterRef("task"))
    open_slots: AssignmentQuerySet = (
        rater.study.assignments.open()
        .filter(~Exists(met))
        .select_related("task")
        .order_by("position")
    )
    ahead = list(open_slots.filter(position__gte=rater.cursor)[:WINDOW])
    return ahead or list(open_slots.filter(position__lt=rater.cursor)[:WINDOW])


def _claim(slot: Assignment, rater: Rater) -> bool:
    """Claim the slot if it is still open. This one statement is what prevents over-target."""
    lease = timedelta(minutes=rater.study.lease_minutes)
    claimed = Assignment.objects.filter(pk=slot.pk, state=Assignment.State.OPEN).update(
        state=Assignment.State.CLAIMED, rater=rater, claimed_at=now(), lease_until=now() + lease
    )
    if claimed:
        rater.cursor = slot.position + 1
        Rater.objects.filter(pk=rater.pk).update(cursor=rater.cursor)
    return bool(claimed)


@write_transaction()
def judge_and_go_on(rater: Rater, *, token: UUID, **reply: Unpack[Reply]) -> Turn:
    """Store the answer and find the next task, in one transaction: see `submit_judgment`."""
    judgment = _submit(rater, token, reply)
    # Only a correction can leave another task on the rater's screen.
    return _held_turn(rater) if judgment.supersedes_id else _claim_next(rater)


@write_transaction()
def submit_judgment(rater: Rater, *, token: UUID, **reply: Unpack[Reply]) -> Judgment:
    """Record the rater's answer and close the assignment.

    The answer arrives in screen terms (left, right) and is stored in task terms (a, b). Raises
    `AssignmentUnknown`, `AssignmentClosed` (a double submit), `AssignmentExpired`,
    `AnswerIncomplete`, `ChoiceUnknown` and `StudyNotOpen`; nothing is stored then.
    """
    return _submit(rater, token, reply)


def _submit(rater: Rater, token: UUID, reply: Reply) -> Judgment:
    slot = _own_slot(rater, token)
    if rater.study.state not in (Study.State.OPEN, Study.State.PAUSED):
        raise StudyNotOpen(
            gettext("The study has ended; this answer could not be stored any more.")
        )
    protocol, comment = protocol_of(rater.study), reply.get("comment", "").strip()
    posted = {"choice": reply.get("choice", ""), **reply.get("parts", {})}
    answer = protocol.read(posted, shown_to(slot))
    if protocol.reason_box == "required" and not comment:
        raise AnswerIncomplete(gettext("Please write why, in a few words."))
    return Judgment.objects.create(
        study=rater.study,
        task_id=slot.task_id,
        rater=rater,
        assignment=slot,
        left=slot.left if protocol.has_sides else "",
        verdict=answer.verdict,
        score=answer.score,
        answer=answer.more,
        seconds=_bounded(reply.get("seconds"), slot),
        comment=comment[:MAX_COMMENT],
        supersedes=_close(slot),
    )


def shown_to(slot: Assignment) -> Shown:
    return Shown(left=slot.left, order=tuple(slot.order))


def _own_slot(rater: Rater, token: UUID) -> Assignment:
    # Locked, so that the second of two equal answers finds the slot closed by the first.
    own = Assignment.objects.select_for_update(no_key=True)
    slot = own.filter(token=token, rater=rater).first()
    if slot is None:
        # Either somebody else's, or this rater's until its lease ran out.
        raise AssignmentUnknown
    return slot


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
    if rater.outcome not in ("", Rater.Outcome.COMPLETE):
        raise NothingToUndo
    judged = rater.assignments.of_judging().judged().order_by("-judged_at", "-pk")
    last = judged.values_list("pk", flat=True).first()
    if last is None or judged.filter(reopened_at__isnull=False).exists():
        raise NothingToUndo
    Assignment.objects.filter(pk=last).update(reopened_at=now())
    if rater.outcome:
        reopen_judging(rater)


@write_transaction()
def keep_judgment(rater: Rater) -> None:
    """Leave the correction; the answer that was given stands."""
    rater.assignments.judged().filter(reopened_at__isnull=False).update(reopened_at=None)


@write_transaction()
def skip_assignment(rater: Rater, *, token: UUID) -> None:
    """Set the task aside for good. Its slot stays with the rater, a fresh one takes its place."""
    _skip(rater, token)


@write_transaction()
def flag_assignment(rater: Rater, *, token: UUID, reason: str, text: str = "") -> Flag:
    """Set the task aside and tell the researcher why. Raises what `skip_assignment` raises."""
    slot = _skip(rater, token)
    return Flag.objects.create(
        study_id=slot.study_id, assignment=slot, reason=reason, text=text.strip()
    )


def _skip(rater: Rater, token: UUID) -> Assignment:
    slot = _own_slot(rater, token)
    skipped = Assignment.objects.filter(pk=slot.pk, state=Assignment.State.CLAIMED).update(
        state=Assignment.State.SKIPPED, lease_until=None
    )
    if not skipped:
        raise AssignmentClosed
    if slot.purpose == Assignment.Purpose.TARGET:
        _open_again(slot)
    return slot


def _open_again(slot: Assignment) -> None:
    Assignment.objects.create(
        study_id=slot.study_id,
        task_id=slot.task_id,
        k=slot.k,
        left=slot.left,
        order=slot.order,
        position=slot.position,
        state=Assignment.State.OPEN,
    )


def assignment_for_screen(pk: int, claimed: Assignment | None = None) -> Assignment:
    """Return the assignment with all that its page shows.

    That is one query; a group takes another one, unless it is the one `claimed` just now.
    """
    slot = claimed
    if slot is None or not slot.order:
        slot = Assignment.objects.select_related(
            "study", "task__prompt", "task__output_a", "task__output_b"
        ).get(pk=pk)
    if slot.order:
        places = TaskOutput.objects.select_related("output", "task__prompt")
        prefetch_related_objects([slot], Prefetch("task__outputs", places))
        slot.task.prompt = slot.task.outputs.all()[0].task.prompt
    return slot
