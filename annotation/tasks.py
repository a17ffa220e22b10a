"""Tasks and their slots as rows: what the design planned, in the words of the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from django.utils.timezone import now

from annotation.design import Floats, SlotPlan, TaskPlan
from annotation.models import Assignment, Side, Study, Task, TaskOutput
from annotation.protocols import protocol_of
from generation.models import Output, System

_BATCH = 2000
#: So many alternatives one condition has at most; SQLite allows a thousand.
_ALTERNATIVES = 200

#: The prompt and the systems of a task, in the study's order of systems.
Key = tuple[int, tuple[int, ...]]
GONE = [Output.State.FAILED, Output.State.CANCELLED]


@dataclass(frozen=True, kw_only=True)
class NewTasks:
    """Tasks that get their slots now."""

    tasks: list[Task]
    #: The state in which each one's slots begin.
    states: list[Assignment.State]


def make_tasks(
    study: Study, plan: TaskPlan, systems: Sequence[System], *, turn: int, chance: Floats
) -> NewTasks:
    """Store the planned tasks of a round of adaptive pairs, with its number and their chances."""
    keys = _keys(study, plan, systems)
    shown = _shown(study, keys)
    tasks = [_show(Task(study=study), outputs) for outputs in shown]
    for task, probability in zip(tasks, chance.tolist(), strict=True):
        task.round, task.chance = turn, probability
    Task.objects.bulk_create(tasks, batch_size=_BATCH)
    return NewTasks(tasks=tasks, states=[_first_state(outputs) for outputs in shown])


def make_or_take_tasks(study: Study, plan: TaskPlan, systems: Sequence[System]) -> NewTasks:
    """Store the planned tasks; one that an import made before is taken, and now shows outputs."""
    keys = _keys(study, plan, systems)
    shown = _shown(study, keys)
    there = _there_already(study, keys, is_grouped=plan.group is not None)
    tasks = [
        _show(there.get(key) or Task(study=study), outputs, is_group=plan.group is not None)
        for key, outputs in zip(keys, shown, strict=True)
    ]
    if plan.group is not None:
        _number_groups(tasks, plan.group.tolist(), there)
    taken = [task for task in tasks if task.pk is not None]
    Task.objects.bulk_create([task for task in tasks if task.pk is None], batch_size=_BATCH)
    columns = ["output_a", "output_b", "ready_at", "hash_a", "hash_b"]
    Task.objects.bulk_update(taken, columns, batch_size=_BATCH)
    if plan.group is not None:
        _store_places(tasks, taken, shown, hidden=protocol_of(study).hidden)
    return NewTasks(tasks=tasks, states=[_first_state(outputs) for outputs in shown])


def _keys(study: Study, plan: TaskPlan, systems: Sequence[System]) -> list[Key]:
    prompts = _prompt_keys(study, sorted(set(plan.prompt.tolist())))
    return [
        (prompts[p], tuple(systems[s].pk for s in members))
        for p, members in zip(plan.prompt.tolist(), plan.members.tolist(), strict=True)
    ]


def _prompt_keys(study: Study, numbers: list[int]) -> dict[int, int]:
    """Return the keys of prompts by their numbers in the design.

    These are their positions, but for the prompts that are left out.
    """
    at = _positions(study, numbers)
    prompts = study.prompt_set.prompts.values_list("position", "pk")
    positions = list(at)
    return {
        at[position]: pk
        for start in range(0, len(positions), _ALTERNATIVES)
        for position, pk in prompts.filter(position__in=positions[start : start + _ALTERNATIVES])
    }


def _positions(study: Study, numbers: list[int]) -> dict[int, int]:
    """Return the numbers by the positions of their prompts."""
    left_out = positions_left_out(study)
    if not left_out:
        return {number: number for number in numbers}
    kept = np.delete(np.arange(max(numbers, default=0) + len(left_out) + 1), left_out)
    return {int(kept[number]): number for number in numbers}


def positions_left_out(study: Study) -> list[int]:
    """Return the positions of the prompts that are left out, in order."""
    if not study.left_out:
        return []
    gone = study.prompt_set.prompts.filter(key__in=study.left_out).order_by("position")
    return list(gone.values_list("position", flat=True))


def _shown(study: Study, keys: Sequence[Key]) -> list[list[Output]]:
    """Return the outputs that each task shows, without their texts."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for prompt, systems in keys:
        wanted[prompt].update(systems)
    conditions = [Q(prompt=prompt, system__in=systems) for prompt, systems in wanted.items()]
    rows = Output.objects.filter(sample=study.sample).only(
        "prompt_id", "system_id", "state", "text_hash"
    )
    outputs = {
        (output.prompt_id, output.system_id): output
        for one_of in _any_of(conditions)
        for output in rows.filter(one_of)
    }
    return [[outputs[prompt, system] for system in systems] for prompt, systems in keys]


def _any_of(wanted: list[Q]) -> Iterator[Q]:
    """Join alternatives to conditions that are not too long."""
    for start in range(0, len(wanted), _ALTERNATIVES):
        yield Q(*wanted[start : start + _ALTERNATIVES], _connector=Q.OR)


def _show(task: Task, shown: list[Output], *, is_group: bool = False) -> Task:
    """Set what the task shows, and the hashes where all of it is there."""
    first, second = shown[0], shown[1] if len(shown) == 2 and not is_group else None
    task.prompt_id, task.system_a_id = first.prompt_id, first.system_id
    task.system_b_id = second.system_id if second else None
    task.output_a, task.output_b = first, second
    if _first_state(shown) == Assignment.State.OPEN:
        task.ready_at = now()
        task.hash_a, task.hash_b = first.text_hash, second.text_hash if second else ""
    else:
        task.ready_at = None
    return task


def _there_already(study: Study, keys: Sequence[Key], *, is_grouped: bool) -> dict[Key, Task]:
    if not study.tasks.exists():
        return {}  # the first stretch of most studies, where to look costs more than to make
    if is_grouped:
        return _groups_on(study, {prompt for prompt, _ in keys})
    wanted = [
        Q(prompt=prompt, system_a=systems[0], system_b=systems[1] if len(systems) > 1 else None)
        for prompt, systems in keys
    ]
    found = [task for one_of in _any_of(wanted) for task in study.tasks.filter(one_of)]
    return {
        (task.prompt_id, tuple(s for s in (task.system_a_id, task.system_b_id) if s)): task
        for task in found
    }


def _groups_on(study: Study, prompts: set[int]) -> dict[Key, Task]:
    tasks = study.tasks.filter(prompt__in=prompts, group__isnull=False)
    return {
        (task.prompt_id, tuple(place.system_id for place in task.outputs.all() if place.system_id)):
        task
        for task in tasks.prefetch_related("outputs")
    }  # fmt: skip


def _number_groups(tasks: list[Task], numbers: list[int], there: dict[Key, Task]) -> None:
    """Give each new group its number on its prompt; an import may have used some."""
    used = {(task.prompt_id, task.group) for task in there.values()}
    for task, number in zip(tasks, numbers, strict=True):
        if task.pk is not None:
            continue
        task.group = number
        while (task.prompt_id, task.group) in used:
            task.group += 1
        used.add((task.prompt_id, task.group))


def _store_places(
    tasks: list[Task],
    taken: list[Task],
    shown: list[list[Output]],
    *,
    hidden: Sequence[str],
) -> None:
    """Store the places of groups: their outputs, then what hides among them."""
    # An import's places have no outputs, and no reference; the systems' order is the same.
    TaskOutput.objects.filter(task__in=taken).delete()
    places = [
        place
        for task, outputs in zip(tasks, shown, strict=True)
        for place in _places(task, outputs, hidden=hidden)
    ]
    TaskOutput.objects.bulk_create(places, batch_size=_BATCH)


def _places(task: Task, shown: list[Output], *, hidden: Sequence[str]) -> list[TaskOutput]:
    places = [
        TaskOutput(
            task=task, place=place, system_id=output.system_id, output=output, hash=output.text_hash
        )
        for place, output in enumerate(shown)
    ]
    behind = [
        TaskOutput(task=task, place=place, role=role)
        for place, role in enumerate(hidden, start=len(shown))
    ]
    return places + behind


def make_slots(study: Study, new: NewTasks, plan: SlotPlan) -> None:
    """Store the planned slots of new tasks, behind those that are there, and count both."""
    orders = [[]] * len(plan.task) if plan.order is None else plan.order.tolist()
    slots = (
        Assignment(
            study=study,
            task=new.tasks[t],
            k=k,
            left=Side.A if a_left else Side.B,
            order=order,
            position=position,
            state=new.states[t],
        )
        for position, (t, k, a_left, order) in enumerate(
            zip(plan.task.tolist(), plan.k.tolist(), plan.a_left.tolist(), orders, strict=True),
            start=study.slot_count,
        )
    )
    Assignment.objects.bulk_create(slots, batch_size=_BATCH)
    study.task_count += len(new.tasks)
    study.slot_count += len(plan.task)
    study.is_waiting |= Assignment.State.WAITING in new.states
    study.save(update_fields=["task_count", "slot_count", "is_waiting"])


def _first_state(shown: list[Output]) -> Assignment.State:
    states = {output.state for output in shown}
    if states == {Output.State.DONE}:
        return Assignment.State.OPEN
    is_broken = not states.isdisjoint(GONE)
    return Assignment.State.WITHDRAWN if is_broken else Assignment.State.WAITING
