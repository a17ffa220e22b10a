"""What pages show of a task, selected in one place: for a page, its files and what is ahead."""

from __future__ import annotations

from django.db.models import Prefetch, prefetch_related_objects

from annotation.models import Assignment, AssignmentQuerySet, Task, TaskOutput
from evalsite.lib.prepared import Prepared
from generation.models import Media

_PARTS = ("prompt", "output_a", "output_b")
_COLUMNS = (
    "prompt__html", "prompt__reference", "prompt__media_id", "prompt__reference_media_id",
    "output_a__html", "output_a__media_id", "output_b__html", "output_b__media_id",
)  # fmt: skip


def _slots() -> AssignmentQuerySet:
    """Select what a page shows; every column costs, and every join more."""
    slots = Assignment.objects.select_related(*(f"task__{part}" for part in _PARTS))
    columns = (f"task__{column}" for column in _COLUMNS)
    return slots.only("study_id", "token", "left", "order", *columns)


_SLOTS = Prepared(_slots, "id")


def assignment_for_screen(pk: int) -> Assignment:
    """Return the assignment with what its page shows and no more.

    One query; another for the places of a group, and another where there are files.
    """
    slot = _SLOTS.get(id=pk)
    _bring_the_rest(slot)
    return slot


def bring_task(slot: Assignment) -> Assignment:
    """Give a slot that is not stored what its page would show."""
    slot.task = Task.objects.select_related(*_PARTS).only(*_COLUMNS).get(pk=slot.task_id)
    _bring_the_rest(slot)
    return slot


def _bring_the_rest(slot: Assignment) -> None:
    if slot.order:
        places = TaskOutput.objects.select_related("output").only(
            "task_id", "place", "role", "output__html", "output__media_id"
        )
        prefetch_related_objects([slot], Prefetch("task__outputs", places))
    _bring_files(slot)


def _bring_files(slot: Assignment) -> None:
    """Look up the files of the prompt and the outputs in one query, if there are any."""
    task, prompt = slot.task, slot.task.prompt
    grouped = [place.output for place in task.outputs.all()] if slot.order else []
    outputs = [output for output in (task.output_a, task.output_b, *grouped) if output is not None]
    keys = {prompt.media_id, prompt.reference_media_id, *(output.media_id for output in outputs)}
    files = Media.objects.only("mime").in_bulk(keys - {None}) if keys != {None} else {}
    prompt.media = files.get(prompt.media_id)
    prompt.reference_media = files.get(prompt.reference_media_id)
    for output in outputs:
        output.media = files.get(output.media_id)
