"""What a rater will probably be given next, so that its files are there before it is.

A guess that claims nothing: if another rater is quicker, or a check is due, a browser has fetched a
few files in vain. Its address is that of the open slot, which stays the same once it is claimed.
Before judging the order is the rater's own, and the slot to come is known before it is made.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db.models import Exists, OuterRef

from annotation.design import Candidate, Seen, choose_slot
from annotation.models import Assignment, Rater, Side, Study
from annotation.on_screen import assignment_for_screen, bring_task
from annotation.practice import PURPOSES, foreseen_practice
from annotation.steps import current_step
from annotation.walks import met_by, window


def foreseen(rater: Rater) -> Assignment | None:
    """Return what probably comes next, as its page would show it."""
    step = current_step(rater)
    if step.name not in PURPOSES:
        pk = foreseen_slot(rater)
        return None if pk is None else _of_study(assignment_for_screen(pk), rater)
    slot = foreseen_practice(rater, step)
    return None if slot is None else bring_task(slot)


def ahead_of(rater: Rater, token: UUID) -> Assignment | None:
    """Return the slot of that token, if the rater could be given it next."""
    if current_step(rater).name not in PURPOSES:
        pk = slot_ahead(rater, token)
        return None if pk is None else _of_study(assignment_for_screen(pk), rater)
    slot = foreseen(rater)
    return slot if slot is not None and slot.token == token else None


def _of_study(slot: Assignment, rater: Rater) -> Assignment:
    slot.study = rater.study
    return slot


def foreseen_slot(rater: Rater) -> int | None:
    """Return the open slot that suits the rater best once the task on the screen is judged."""
    claimed = rater.assignments.targets().filter(state=Assignment.State.CLAIMED)
    live = claimed.select_related("task__prompt").first()
    slots = window(rater) if live and rater.study.state == Study.State.OPEN else []
    if live is None or not slots:
        return None
    seen = _with(met_by(rater, live.task).seen, live)
    candidates = [slot.candidate for slot in slots]
    return slots[choose_slot(candidates, seen, shares=rater.study.category_shares)].pk


def _with(seen: Seen, live: Assignment) -> Seen:
    """Return what the rater will have seen with the task on the screen."""
    task = live.task
    shown = Candidate(
        pair=(task.system_a_id, task.system_b_id),
        prompt=task.prompt_id,
        a_left=live.left == Side.A,
        category=task.prompt.category,
    )
    lead = Counter(seen.lead)
    lead[shown.pair] += 1 if shown.a_left else -1
    return Seen(
        lead=lead,
        categories=Counter(seen.categories) + Counter([shown.category]),
        last_pair=seen.last_pair,
        last_prompt=seen.last_prompt,
    )


def slot_ahead(rater: Rater, token: UUID) -> int | None:
    """Return the slot of that token, if it is open and the rater could be given it."""
    if rater.study.state != Study.State.OPEN:
        return None
    met = Assignment.objects.filter(rater=rater, task=OuterRef("task"))
    slots = rater.study.assignments.open().filter(~Exists(met), token=token)
    return slots.values_list("pk", flat=True).first()
