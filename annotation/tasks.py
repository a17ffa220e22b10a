"""Tasks and their slots as rows: what the design planned, in the words of the database."""

from __future__ import annotations

import numpy as np
from django.utils.timezone import now

from annotation.design import Floats, Ints, TaskPlan, plan_slots
from annotation.models import Assignment, Side, Study, Task
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
    prompts = prompts_of(study)
    tasks = []
    for p, a, b in zip(plan.prompt, plan.system_a, plan.system_b, strict=True):
        output_a = outputs[prompts[p], systems[a].pk]
        output_b = outputs[prompts[p], systems[b].pk] if b >= 0 else None
        task = Task(
            study=study,
            prompt_id=prompts[p],
            system_a=systems[a],
            system_b=systems[b] if b >= 0 else None,
            output_a=output_a,
            output_b=output_b,
        )
        if all(o is None or o.state == Output.State.DONE for o in (output_a, output_b)):
            task.ready_at = now()
            task.hash_a, task.hash_b = output_a.text_hash, output_b.text_hash if output_b else ""
        tasks.append(task)
    if chance is not None:
        for task, probability in zip(tasks, chance.tolist(), strict=True):
            task.round, task.chance = turn, probability
    return Task.objects.bulk_create(tasks, batch_size=_BATCH)


def make_slots(
    study: Study, tasks: list[Task], rng: np.random.Generator, lead: Ints | None = None
) -> None:
    """Make the slots of new tasks, behind those that are there, and count both."""
    plan = plan_slots(_arrays(tasks), target=study.judgments_per_task, rng=rng, lead=lead)
    slots = (
        Assignment(
            study=study,
            task=(task := tasks[t]),
            k=k,
            left=Side.A if a_left else Side.B,
            position=position,
            state=Assignment.State.OPEN if task.ready_at else Assignment.State.WAITING,
        )
        for position, (t, k, a_left) in enumerate(
            zip(plan.task.tolist(), plan.k.tolist(), plan.a_left.tolist(), strict=True),
            start=study.slot_count,
        )
    )
    Assignment.objects.bulk_create(slots, batch_size=_BATCH)
    study.task_count += len(tasks)
    study.slot_count += len(plan.task)
    study.is_waiting |= any(task.ready_at is None for task in tasks)
    study.save(update_fields=["task_count", "slot_count", "is_waiting"])


def _arrays(tasks: list[Task]) -> TaskPlan:
    """Return the design's arrays for rows that were made from it."""
    return TaskPlan(
        prompt=np.array([task.prompt_id for task in tasks]),
        system_a=np.array([task.system_a_id for task in tasks]),
        system_b=np.array([task.system_b_id or -1 for task in tasks]),
    )
