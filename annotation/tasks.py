"""Tasks and their slots as rows: what the design planned, in the words of the database."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from django.utils.timezone import now

from annotation.design import Floats, Ints, TaskPlan, plan_slots
from annotation.models import Assignment, Side, Study, Task, TaskOutput
from annotation.protocols import protocol_of
from annotation.way import gold_pairs
from generation.models import Output, System

_BATCH = 2000

Outputs = dict[tuple[int, int], Output]
GONE = [Output.State.FAILED, Output.State.CANCELLED]


def outputs_of(study: Study, systems: list[System]) -> Outputs:
    """Return the outputs that the study shows, by (prompt, system), without their texts."""
    rows = Output.objects.filter(
        system__in=systems, prompt__prompt_set=study.prompt_set, sample=study.sample
    ).defer("text", "html", "provenance")
    return {(output.prompt_id, output.system_id): output for output in rows}


def prompts_of(study: Study) -> list[int]:
    """Return the keys of the study's prompts, in the order in which the design numbers them."""
    return list(study.prompt_set.prompts.order_by("position").values_list("pk", flat=True))


def without_gold(study: Study, plan: TaskPlan, systems: list[System]) -> TaskPlan:
    """Leave out what is there already, as a task with a known answer."""
    known = gold_pairs(study)
    if not known:
        return plan
    prompts = prompts_of(study)
    keys = [system.pk for system in systems]
    asked = [
        (prompts[p], keys[row[0]], keys[row[1]] if len(row) > 1 else None)
        for p, row in zip(plan.prompt.tolist(), plan.members.tolist(), strict=True)
    ]
    kept = np.array([pair not in known for pair in asked], dtype=bool)
    return replace(plan, prompt=plan.prompt[kept], members=plan.members[kept])


def make_tasks(
    study: Study,
    plan: TaskPlan,
    systems: list[System],
    outputs: Outputs,
    *,
    turn: int | None = None,
    chance: Floats | None = None,
) -> list[Task]:
    """Store the planned tasks; of a round of adaptive pairs with its number and their chances."""
    prompts, hidden = prompts_of(study), protocol_of(study).hidden
    tasks: list[Task] = []
    places: list[TaskOutput] = []
    for i, p in enumerate(plan.prompt.tolist()):
        shown = [outputs[prompts[p], systems[s].pk] for s in plan.members[i]]
        task = _task(study, shown, is_group=plan.group is not None)
        if plan.group is not None:
            task.group = int(plan.group[i])
            places += _places(task, shown, hidden=hidden)
        if chance is not None:
            task.round, task.chance = turn, float(chance[i])
        tasks.append(task)
    Task.objects.bulk_create(tasks, batch_size=_BATCH)
    TaskOutput.objects.bulk_create(places, batch_size=_BATCH)
    return tasks


def _task(study: Study, shown: list[Output], *, is_group: bool) -> Task:
    first, second = shown[0], shown[1] if len(shown) == 2 and not is_group else None
    task = Task(
        study=study,
        prompt_id=first.prompt_id,
        system_a_id=first.system_id,
        system_b_id=second.system_id if second else None,
        output_a=first,
        output_b=second,
    )
    if all(output.state == Output.State.DONE for output in shown):
        task.ready_at = now()
        task.hash_a, task.hash_b = first.text_hash, second.text_hash if second else ""
    return task


def _places(task: Task, shown: list[Output], *, hidden: tuple[str, ...]) -> list[TaskOutput]:
    """Return a group's places: its outputs, then what hides among them."""
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


def make_slots(
    study: Study,
    tasks: TaskPlan,
    rows: list[Task],
    rng: np.random.Generator,
    lead: Ints | None = None,
) -> None:
    """Make the slots of new tasks, behind those that are there, and count both."""
    plan = plan_slots(tasks, target=study.judgments_per_task, rng=rng, lead=lead)
    orders = [[]] * len(plan.task) if plan.order is None else plan.order.tolist()
    slots = (
        Assignment(
            study=study,
            task=(task := rows[t]),
            k=k,
            left=Side.A if a_left else Side.B,
            order=order,
            position=position,
            state=Assignment.State.OPEN if task.ready_at else Assignment.State.WAITING,
        )
        for position, (t, k, a_left, order) in enumerate(
            zip(plan.task.tolist(), plan.k.tolist(), plan.a_left.tolist(), orders, strict=True),
            start=study.slot_count,
        )
    )
    Assignment.objects.bulk_create(slots, batch_size=_BATCH)
    study.task_count += len(rows)
    study.slot_count += len(plan.task)
    study.is_waiting |= any(task.ready_at is None for task in rows)
    study.save(update_fields=["task_count", "slot_count", "is_waiting"])
