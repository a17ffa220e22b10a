"""Tasks and their slots as rows: what the design planned, in the words of the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from django.db.models import Q
from django.utils.timezone import now

from annotation.design import Floats, SlotPlan, TaskPlan
from annotation.models import Assignment, Side, Study, Task
from generation.models import Output, System

_BATCH = 2000
#: So many alternatives one condition has at most; SQLite allows a thousand.
_ALTERNATIVES = 200

Outputs = dict[tuple[int, int], Output]
#: Prompt, first and second system.
Key = tuple[int, int, int | None]
GONE = [Output.State.FAILED, Output.State.CANCELLED]


def make_tasks(
    study: Study, plan: TaskPlan, systems: Sequence[System], *, turn: int, chance: Floats
) -> list[Task]:
    """Store the planned tasks of a round of adaptive pairs, with its number and their chances."""
    tasks = _planned(study, plan, systems)
    _show_outputs(study, tasks)
    for task, probability in zip(tasks, chance.tolist(), strict=True):
        task.round, task.chance = turn, probability
    return Task.objects.bulk_create(tasks, batch_size=_BATCH)


def make_or_take_tasks(study: Study, plan: TaskPlan, systems: Sequence[System]) -> list[Task]:
    """Store the planned tasks; one that an import made before is taken, and now shows outputs."""
    planned = _planned(study, plan, systems)
    there = _there_already(study, planned)
    tasks = [there.get(_key(task), task) for task in planned]
    _show_outputs(study, tasks)
    Task.objects.bulk_create([task for task in tasks if task.pk is None], batch_size=_BATCH)
    shown = ["output_a", "output_b", "ready_at", "hash_a", "hash_b"]
    Task.objects.bulk_update(there.values(), shown, batch_size=_BATCH)
    return tasks


def _there_already(study: Study, planned: list[Task]) -> dict[Key, Task]:
    wanted = [Q(prompt=p, system_a=a, system_b=b) for p, a, b in map(_key, planned)]
    return {_key(task): task for one_of in _any_of(wanted) for task in study.tasks.filter(one_of)}


def _key(task: Task) -> Key:
    return task.prompt_id, task.system_a_id, task.system_b_id


def _any_of(wanted: list[Q]) -> Iterator[Q]:
    """Join alternatives to conditions that are not too long."""
    for start in range(0, len(wanted), _ALTERNATIVES):
        yield Q(*wanted[start : start + _ALTERNATIVES], _connector=Q.OR)


def _planned(study: Study, plan: TaskPlan, systems: Sequence[System]) -> list[Task]:
    keys = _prompt_keys(study, sorted(set(plan.prompt.tolist())))
    return [
        Task(
            study=study,
            prompt_id=keys[p],
            system_a=systems[a],
            system_b=systems[b] if b >= 0 else None,
        )
        for p, a, b in zip(
            plan.prompt.tolist(), plan.system_a.tolist(), plan.system_b.tolist(), strict=True
        )
    ]


def _prompt_keys(study: Study, numbers: list[int]) -> dict[int, int]:
    """Return the keys of prompts by their numbers in the design, which are their positions."""
    prompts = study.prompt_set.prompts.values_list("position", "pk")
    return {
        position: pk
        for start in range(0, len(numbers), _ALTERNATIVES)
        for position, pk in prompts.filter(position__in=numbers[start : start + _ALTERNATIVES])
    }


def _show_outputs(study: Study, tasks: list[Task]) -> None:
    """Set the outputs that each task shows, and their hashes where both are there."""
    outputs = _outputs_of(study, tasks)
    for task in tasks:
        task.output_a = outputs[task.prompt_id, task.system_a_id]
        if task.system_b_id is not None:
            task.output_b = outputs[task.prompt_id, task.system_b_id]
        shown = [output for output in (task.output_a, task.output_b) if output is not None]
        if all(output.state == Output.State.DONE for output in shown):
            task.ready_at = now()
            task.hash_a = task.output_a.text_hash
            task.hash_b = task.output_b.text_hash if task.output_b else ""
        else:
            task.ready_at = None


def _outputs_of(study: Study, tasks: list[Task]) -> Outputs:
    """Return the outputs that the tasks show, by (prompt, system), without their texts."""
    shown: dict[int, set[int]] = defaultdict(set)
    for task in tasks:
        shown[task.prompt_id] |= {task.system_a_id, task.system_b_id or task.system_a_id}
    wanted = [Q(prompt=prompt, system__in=systems) for prompt, systems in shown.items()]
    rows = Output.objects.filter(sample=study.sample).only(
        "prompt_id", "system_id", "state", "text_hash"
    )
    return {
        (output.prompt_id, output.system_id): output
        for one_of in _any_of(wanted)
        for output in rows.filter(one_of)
    }


def make_slots(study: Study, tasks: list[Task], plan: SlotPlan) -> None:
    """Store the planned slots of new tasks, behind those that are there, and count both."""
    states = [_first_state(task) for task in tasks]
    slots = (
        Assignment(
            study=study,
            task=tasks[t],
            k=k,
            left=Side.A if a_left else Side.B,
            position=position,
            state=states[t],
        )
        for position, (t, k, a_left) in enumerate(
            zip(plan.task.tolist(), plan.k.tolist(), plan.a_left.tolist(), strict=True),
            start=study.slot_count,
        )
    )
    Assignment.objects.bulk_create(slots, batch_size=_BATCH)
    study.task_count += len(tasks)
    study.slot_count += len(plan.task)
    study.is_waiting |= Assignment.State.WAITING in states
    study.save(update_fields=["task_count", "slot_count", "is_waiting"])


def _first_state(task: Task) -> Assignment.State:
    if task.ready_at:
        return Assignment.State.OPEN
    is_gone = any(o is not None and o.state in GONE for o in (task.output_a, task.output_b))
    return Assignment.State.WITHDRAWN if is_gone else Assignment.State.WAITING


def arrays_of(tasks: list[Task]) -> TaskPlan:
    """Return the design's arrays for rows of pairs that were made from it."""
    return TaskPlan(
        prompt=np.array([task.prompt_id for task in tasks]),
        system_a=np.array([task.system_a_id for task in tasks]),
        system_b=np.array([task.system_b_id or -1 for task in tasks]),
    )
