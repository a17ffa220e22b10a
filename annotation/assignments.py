"""Serving tasks and taking answers: the product's heart, short enough to check by eye.

What must hold is held by the database: a slot is claimed by one conditional update, and unique
constraints refuse a repeat, a second live claim and a second first judgment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict, Unpack
from uuid import UUID

from django.utils.timezone import now
from django.utils.translation import gettext

from annotation.design import choose_slot
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
    Task,
)
from annotation.paid_time import seconds_left
from annotation.plays import read_plays, require_all_played, require_each_heard
from annotation.protocols import Shown, protocol_of
from annotation.repeats import claim_repeat, repeats_mix
from annotation.steps import reopen_judging
from annotation.walks import (
    Met,
    last_task_of,
    met_by,
    open_slots_for,
    take_back_expired,
    walk_to,
)
from evalsite.lib.db import write_transaction
from evalsite.lib.prepared import Prepared

MAX_SECONDS = 24 * 3600.0
MAX_COMMENT = 5000


class Reply(TypedDict, total=False):
    """What the form sends besides its token; `parts` are the fields of a longer form, by name."""

    choice: str
    parts: Mapping[str, str]
    seconds: float | None
    comment: str
    plays: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a rater sees next: an assignment, or none, and how far they are, checks included."""

    assignment_pk: int | None
    judged: int
    is_correction: bool = False
    #: True once the rater has judged as much as was asked, or as long as is paid.
    has_met_quota: bool = False
    #: Of the paid time, where it was looked up and the study pays by the hour.
    seconds_left: float | None = None


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
    take_back_expired(rater.study)
    return _claim_next(rater, after=last_task_of(rater))


def _claim_next(rater: Rater, *, after: Task | None) -> Turn:
    """Claim what suits the rater best now; `after` is the task that they had last, if any."""
    study = rater.study
    met = met_by(rater, after)
    left = seconds_left(rater)
    has_met_quota = met.targets >= rater.promised > 0 or left == 0
    if study.state != Study.State.OPEN or has_met_quota:
        return Turn(assignment_pk=None, judged=met.judged, has_met_quota=has_met_quota)
    if study.is_waiting:
        admit_finished_outputs(study)
    pk = _claim_about_rater(rater, met) or _claim_target(rater, met)
    return Turn(assignment_pk=pk, judged=met.judged, seconds_left=left)


def _claim_about_rater(rater: Rater, met: Met) -> int | None:
    """Claim a check or a task to be judged again, where one is due and there."""
    answered = met.first_answers
    if mix_of(rater).is_due(answered) and (pk := claim_check(rater, answered=answered)):
        return pk
    is_due = repeats_mix(rater).passed(answered) > met.repeats
    return claim_repeat(rater) if is_due else None


def _claim_target(rater: Rater, met: Met) -> int | None:
    """Claim the open slot that suits the rater best; None when nothing is open."""
    while slots := open_slots_for(rater):
        candidates = [slot.candidate for slot in slots]
        chosen = slots[choose_slot(candidates, met.seen, shares=rater.study.category_shares)]
        if _claim(chosen.pk, rater):
            walk_to(rater, slots[0].position)
            return chosen.pk
    return None


def _claim(slot: int, rater: Rater) -> bool:
    """Claim the slot if it is still open. This one statement is what prevents over-target."""
    lease = timedelta(minutes=rater.study.lease_minutes)
    claimed = Assignment.objects.filter(pk=slot, state=Assignment.State.OPEN).update(
        state=Assignment.State.CLAIMED, rater=rater, claimed_at=now(), lease_until=now() + lease
    )
    return bool(claimed)


@write_transaction()
def judge_and_go_on(rater: Rater, *, token: UUID, **reply: Unpack[Reply]) -> Turn:
    """Store the answer and find the next task, in one transaction: see `submit_judgment`."""
    judgment = _submit(rater, token, reply)
    # Only a correction can leave another task on the rater's screen.
    if judgment.supersedes_id:
        return _held_turn(rater)
    return _claim_next(rater, after=judgment.task)


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
    plays = read_plays(reply.get("plays", ""), protocol, shown_to(slot))
    if protocol.is_heard:
        require_each_heard(slot, plays)
    if rater.study.way.must_play:
        require_all_played(slot, protocol, plays)
    if protocol.reason_box == "required" and not comment:
        raise AnswerIncomplete(gettext("Please write why, in a few words."))
    return Judgment.objects.create(
        study=rater.study,
        task=slot.task,
        rater=rater,
        assignment=slot,
        left=slot.left if protocol.has_sides else "",
        verdict=answer.verdict,
        score=answer.score,
        answer=answer.more,
        seconds=_bounded(reply.get("seconds"), slot),
        comment=comment[:MAX_COMMENT],
        plays=plays,
        is_repeat=slot.purpose == Assignment.Purpose.REPEAT,
        supersedes=_close(slot),
    )


def shown_to(slot: Assignment) -> Shown:
    return Shown(left=slot.left, order=tuple(slot.order))


def _own_slots() -> AssignmentQuerySet:
    """Select what judging and skipping read of a slot; every column costs."""
    # Locked, so that the second of two equal answers finds the slot closed by the first.
    slots = Assignment.objects.select_for_update(no_key=True, of=("self",)).select_related("task")
    return slots.only(
        "study_id", "k", "purpose", "left", "order", "position", "state", "claimed_at",
        "reopened_at", "task__prompt_id", "task__system_a_id", "task__system_b_id",
    )  # fmt: skip


_OWN_SLOT = Prepared(_own_slots, "token", "rater")


def _own_slot(rater: Rater, token: UUID) -> Assignment:
    slot = _OWN_SLOT.first(token=token, rater=rater.pk)
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
