"""Stretches: the tasks of a full or block design are made a few at a time, ahead of the raters.

The order of all tasks is a function of the plan (`annotation.blocks`), so what is made when does
not matter to what is asked; a design of twelve million tasks starts like one of twelve.
"""

from __future__ import annotations

from typing import Any

from annotation.blocks import FullDesign, Stretch, count_about, layers, stretch, without
from annotation.models import Assignment, Study
from annotation.protocols import protocol_of
from annotation.tasks import make_or_take_tasks, make_slots

#: A stretch has so many slots, about, but tasks enough for a rater to choose from.
SLOTS = 400
LEAST_TASKS = 16
#: No further stretch is made while so many slots wait for outputs that are being generated.
MOST_WAITING = 2000


def design_of(study: Study) -> FullDesign:
    return FullDesign(
        is_pairwise=protocol_of(study).outputs == 2,
        systems=study.study_systems.count(),
        prompts=study.prompt_set.prompts.count(),
        seed=study.seed,
    )


def plan_of_order(study: Study) -> dict[str, Any]:
    """Return what a full or block study says beforehand of the order of its tasks."""
    return {
        "rule": "blocks",
        "seed": "the study's",
        "tasks": _designed(study, design_of(study)),
        "tasks_at_a_time": _length(study),
    }


def make_first_stretch(study: Study) -> None:
    """Fix how many tasks a launched study has, and make the first of them."""
    design = design_of(study)
    study.design_count = _designed(study, design)
    study.save(update_fields=["design_count"])
    _make(study, design)


def make_next_stretch(study: Study) -> bool:
    """Make the next tasks, once, whoever asks at the same time; False: there is nothing to make.

    The caller's object may be old: it learns what was made meanwhile, also by others.
    """
    if not study.tasks_to_come or study.pairing == Study.Pairing.ADAPTIVE:
        return False
    known = study.design_place
    # The row is locked, so that of two that come at once the second finds the place moved on.
    fresh = Study.objects.select_for_update(no_key=True).defer("plan").get(pk=study.pk)
    if fresh.design_place == known and _may_go_on(fresh):
        _make(fresh, design_of(fresh))
    for field in ("state", "design_place", "task_count", "slot_count", "is_waiting"):
        setattr(study, field, getattr(fresh, field))
    return study.design_place > known


def _may_go_on(study: Study) -> bool:
    waiting = study.assignments.filter(state=Assignment.State.WAITING).order_by()
    too_many = study.is_waiting and waiting[MOST_WAITING : MOST_WAITING + 1].exists()
    return study.state == Study.State.OPEN and study.tasks_to_come > 0 and not too_many


def _make(study: Study, design: FullDesign) -> None:
    """Make a stretch from the study's place on; what was withdrawn is passed over."""
    entries = list(study.study_systems.select_related("system"))
    withdrawn = {entry.position for entry in entries if entry.withdrawn_at}
    kept, study.design_place = _next(study, design, withdrawn)
    study.save(update_fields=["design_place"])
    tasks = make_or_take_tasks(study, kept.tasks, [entry.system for entry in entries])
    make_slots(study, tasks, layers(kept, target=study.judgments_per_task))


def _next(study: Study, design: FullDesign, withdrawn: set[int]) -> tuple[Stretch, int]:
    """Return the next stretch that has any task left, and the place behind it."""
    if design.systems - len(withdrawn) < protocol_of(study).outputs:
        end = study.design_count
        return stretch(design, end, end), end
    place = study.design_place
    while True:
        start, place = place, min(place + _length(study), study.design_count)
        kept = without(stretch(design, start, place), withdrawn)
        if len(kept.a_left) or place == study.design_count:
            return kept, place


def withdrawn_tasks(study: Study) -> int:
    """Return how many tasks of the design have no slots, now or later: their system is out."""
    withdrawn = set(
        study.study_systems.exclude(withdrawn_at=None).values_list("position", flat=True)
    )
    if not withdrawn or not study.design_count:
        return 0
    passed = study.design_place - study.task_count
    place, count = study.design_place, study.design_count
    return passed + count_about(design_of(study), place, count, withdrawn)


def _designed(study: Study, design: FullDesign) -> int:
    return min(design.count, study.task_budget or design.count)


def _length(study: Study) -> int:
    return max(LEAST_TASKS, SLOTS // study.judgments_per_task)
