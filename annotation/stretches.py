"""Stretches: the tasks of a full or block design are made a few at a time, ahead of the raters.

The order of all tasks is a function of the plan (`Protocol.order`), so what is made when does not
matter to what is asked; a design of twelve million tasks starts like one of twelve.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np

from annotation.design import Blocks, Order, Stretch, layers
from annotation.models import Assignment, Study
from annotation.protocols import protocol_of
from annotation.tasks import make_or_take_tasks, make_slots, positions_left_out

#: A stretch has so many slots, about, but tasks enough for a rater to choose from.
SLOTS = 400
LEAST_TASKS = 16
#: No further stretch is made while so many slots wait for outputs that are being generated.
MOST_WAITING = 2000

#: A task in the numbers of the design: its prompt, its first and its last system.
Numbers = tuple[int, int, int]


def order_of(study: Study) -> Order:
    return protocol_of(study).order(
        systems=study.study_systems.count(),
        prompts=study.prompts.count(),
        seed=study.seed,
    )


def plan_of_order(study: Study) -> dict[str, Any]:
    """Return what a full or block study says beforehand of the order of its tasks."""
    order = order_of(study)
    return {
        "rule": order.name,
        "seed": "the study's",
        "tasks": _designed(study, order),
        "tasks_at_a_time": _length(study),
    }


def make_first_stretch(study: Study) -> None:
    """Fix how many tasks a launched study has, and make the first of them."""
    order = order_of(study)
    study.design_count = _designed(study, order)
    study.design_left_out = _left_out(study, order)
    study.save(update_fields=["design_count", "design_left_out"])
    _make(study, order)


def make_next_stretch(study: Study) -> bool:
    """Make the next tasks, once, whoever asks at the same time; False: there is nothing to make.

    The caller's object may be old: it learns what was made meanwhile, also by others.
    """
    if not study.tasks_to_come or study.pairing == Study.Pairing.ADAPTIVE:
        return False
    known = study.design_place
    # Locked, so that of two that come at once the second finds the place moved on.
    fresh = study.locked()
    if fresh.design_place == known and _may_go_on(fresh):
        _make(fresh, order_of(fresh))
    for field in (
        "state", "design_place", "design_left_out", "task_count", "slot_count", "is_waiting",
    ):  # fmt: skip
        setattr(study, field, getattr(fresh, field))
    return study.design_place > known


def _may_go_on(study: Study) -> bool:
    waiting = study.assignments.filter(state=Assignment.State.WAITING).order_by()
    too_many = study.is_waiting and waiting[MOST_WAITING : MOST_WAITING + 1].exists()
    return study.state == Study.State.OPEN and study.tasks_to_come > 0 and not too_many


def _make(study: Study, order: Order) -> None:
    """Make a stretch from the study's place on; what was withdrawn or is known is passed over."""
    entries = list(study.study_systems.select_related("system"))
    place = study.design_place
    kept = _next(study, order)
    study.design_left_out -= study.design_place - place - len(kept)
    study.save(update_fields=["design_place", "design_left_out"])
    if len(kept):
        new = make_or_take_tasks(study, kept.tasks, [entry.system for entry in entries])
        make_slots(study, new, layers(kept, target=study.judgments_per_task))


def _next(study: Study, order: Order) -> Stretch:
    """Return the next stretch that has any task left, and move on to the place behind it."""
    withdrawn, known = _withdrawn(study), _known(study)
    while True:
        start = study.design_place
        study.design_place = min(start + _length(study), study.design_count)
        kept = _unknown(order.stretch(start, study.design_place).without(withdrawn), known)
        if len(kept) or study.design_place == study.design_count:
            return kept


def _unknown(part: Stretch, known: set[Numbers]) -> Stretch:
    """Leave out the tasks with a known answer: they are there already, and outside the target."""
    if not known:
        return part
    tasks = part.tasks
    rows = zip(
        tasks.prompt.tolist(),
        tasks.members[:, 0].tolist(),
        tasks.members[:, -1].tolist(),
        strict=True,
    )
    return part.only(np.flatnonzero([row not in known for row in rows]))


def _withdrawn(study: Study) -> set[int]:
    gone = study.study_systems.exclude(withdrawn_at=None)
    return set(gone.values_list("position", flat=True))


def _known(study: Study) -> set[Numbers]:
    """Return the tasks with a known answer that the design would ask."""
    place = dict(study.study_systems.values_list("system_id", "position"))
    left_out = positions_left_out(study)
    golds = study.tasks.filter(is_gold=True).values_list(
        "prompt__position", "system_a_id", "system_b_id"
    )
    return {
        (prompt - bisect_left(left_out, prompt), place[a], place[b or a])
        for prompt, a, b in golds
        if a in place and (b or a) in place and prompt not in left_out
    }


def leave_out(study: Study) -> None:
    """Count anew which tasks to come will not be made; the study is locked."""
    study.design_left_out = _left_out(study, order_of(study))
    study.save(update_fields=["design_left_out"])


def _left_out(study: Study, order: Order) -> int:
    start, stop = study.design_place, study.design_count
    withdrawn = _withdrawn(study)
    left_out = order.count_about(start, stop, withdrawn) if withdrawn else 0
    # Only answers about single outputs and pairs can be known.
    if isinstance(order, Blocks):
        asked = (row for row in _known(study) if withdrawn.isdisjoint(row[1:]))
        left_out += sum(start <= order.place_of(*row) < stop for row in asked)
    return left_out


def withdrawn_tasks(study: Study) -> int:
    """Return how many tasks of the design have no slots, now or later: their system is out."""
    if not study.design_count or not _withdrawn(study):
        return 0
    order, known = order_of(study), 0
    if isinstance(order, Blocks):
        known = sum(order.place_of(*row) < study.design_count for row in _known(study))
    return study.design_count - known - study.tasks_wanted


def _designed(study: Study, order: Order) -> int:
    return min(order.count, study.task_budget or order.count)


def _length(study: Study) -> int:
    return max(LEAST_TASKS, SLOTS // study.judgments_per_task)
