"""Launching: the design becomes rows, and what was decided is frozen and hashed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from annotation.design import TaskPlan, plan_slots
from annotation.exceptions import StudyNotDraft, StudyNotReady
from annotation.models import Assignment, Side, Study, Task, TaskOutput
from annotation.protocols import Protocol, protocol_of
from evalsite.lib.db import write_transaction
from evalsite.lib.text import sha256
from generation.models import Output, System

_BATCH = 2000
#: More rows than that in one transaction is a mistake in the form rather than a study.
MAX_SLOTS = 2_000_000

Outputs = dict[tuple[int, int], Output]
_GONE = [Output.State.FAILED, Output.State.CANCELLED]


@write_transaction()
def launch_study(study: Study, *, by: User | None = None) -> Study:
    """Open a draft for rating: make its tasks and slots, freeze and hash the plan.

    Outputs may still be in the making; their tasks open as they arrive. Raises `StudyNotDraft`,
    and `StudyNotReady` when outputs are missing or failed.
    """
    if not Study.objects.filter(pk=study.pk, state=Study.State.DRAFT).update(
        state=Study.State.OPEN, launched_at=now()
    ):
        raise StudyNotDraft
    systems = list(study.systems.order_by("study_systems__position"))
    outputs = _outputs(study, systems)
    # Only now: a refusal leaves the caller's object a draft, like the row.
    study.refresh_from_db()
    rng = np.random.default_rng(study.seed)
    prompts = list(study.prompt_set.prompts.order_by("position").values_list("pk", flat=True))
    plan = protocol_of(study).design(systems=len(systems), prompts=len(prompts), rng=rng)
    tasks = _make_tasks(study, plan, prompts, systems, outputs)
    slots = _make_slots(study, plan, tasks, rng)
    study.plan = _plan(study, systems, outputs)
    study.plan_hash = sha256(json.dumps(study.plan, sort_keys=True, ensure_ascii=False))
    study.task_count, study.slot_count = len(tasks), slots
    study.is_waiting = any(task.ready_at is None for task in tasks)
    study.save()
    study.log("launched", by=by, plan_hash=study.plan_hash)
    return study


def launch_problems(study: Study) -> list[str]:
    """Say why the draft cannot be launched, for people; an empty list means that it can."""
    systems = list(study.systems.all())
    protocol = protocol_of(study)
    prompts = study.prompt_set.prompts.count()
    problems = _protocol_problems(study, protocol, systems)
    states = Counter(
        Output.objects.filter(
            system__in=systems, prompt__prompt_set=study.prompt_set, sample=study.sample
        ).values_list("system_id", "state")
    )
    for system in systems:
        broken = sum(states[system.pk, s] for s in _GONE)
        missing = prompts - sum(n for (pk, _), n in states.items() if pk == system.pk)
        if missing:
            problems.append(f"{system.name} has no output for {missing} of {prompts} prompts.")
        if broken:
            problems.append(f"{system.name} has {broken} outputs that failed or were cancelled.")
    tasks = protocol.task_count(systems=len(systems), prompts=prompts)
    if tasks * study.judgments_per_task > MAX_SLOTS:
        problems.append("The study would have millions of judgments; take fewer systems.")
    return problems


def _protocol_problems(study: Study, protocol: Protocol, systems: list[System]) -> list[str]:
    problems = []
    if len(systems) < protocol.fewest_systems:
        problems.append(f"The study needs at least {protocol.fewest_systems} systems.")
    if protocol.most_systems is not None and len(systems) > protocol.most_systems:
        problems.append(f"The study can have at most {protocol.most_systems} systems.")
    if protocol.shows_reference:
        bare = study.prompt_set.prompts.filter(reference="").count()
        if bare:
            problems.append(f"{bare} prompts have no reference, which raters would be shown.")
    return problems


def _outputs(study: Study, systems: list[System]) -> Outputs:
    """Return the outputs by (prompt, system); refuse when one is missing or failed."""
    if problems := launch_problems(study):
        raise StudyNotReady(" ".join(problems))
    rows = Output.objects.filter(
        system__in=systems, prompt__prompt_set=study.prompt_set, sample=study.sample
    ).defer("text", "html", "provenance")
    return {(output.prompt_id, output.system_id): output for output in rows}


def _make_tasks(
    study: Study, plan: TaskPlan, prompts: list[int], systems: list[System], outputs: Outputs
) -> list[Task]:
    tasks, places = [], []
    groups = plan.members[:, 0] if plan.group is None else plan.group
    for p, members, group in zip(plan.prompt, plan.members, groups, strict=True):
        shown = [outputs[prompts[p], systems[s].pk] for s in members]
        task = Task(study=study, prompt_id=prompts[p], system_a=systems[members[0]])
        task.output_a = shown[0]
        if plan.group is not None:
            task.group = int(group)
            places += _places(task, shown, extra=plan.extra)
        elif len(shown) > 1:
            task.system_b, task.output_b = systems[members[1]], shown[1]
        if all(output.state == Output.State.DONE for output in shown):
            task.ready_at = study.launched_at
            task.hash_a = shown[0].text_hash
            task.hash_b = task.output_b.text_hash if task.output_b else ""
        tasks.append(task)
    Task.objects.bulk_create(tasks, batch_size=_BATCH)
    TaskOutput.objects.bulk_create(places, batch_size=_BATCH)
    return tasks


def _places(task: Task, shown: list[Output], *, extra: int) -> list[TaskOutput]:
    """Return a group's places: its outputs, then the reference, if it hides there."""
    places = [
        TaskOutput(
            task=task, place=place, system_id=output.system_id, output=output, hash=output.text_hash
        )
        for place, output in enumerate(shown)
    ]
    hidden = [
        TaskOutput(task=task, place=len(shown) + i, role=TaskOutput.Role.REFERENCE)
        for i in range(extra)
    ]
    return places + hidden


def _make_slots(study: Study, tasks: TaskPlan, rows: list[Task], rng: np.random.Generator) -> int:
    plan = plan_slots(tasks, target=study.judgments_per_task, rng=rng)
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
            zip(plan.task.tolist(), plan.k.tolist(), plan.a_left.tolist(), orders, strict=True)
        )
    )
    Assignment.objects.bulk_create(slots, batch_size=_BATCH)
    return len(plan.task)


def _plan(study: Study, systems: list[System], outputs: Outputs) -> dict[str, Any]:
    """Everything that was decided, in a form that a stranger can check."""
    fields = (
        "protocol", "question", "instructions", "consent", "title", "sample", "allow_tie",
        "allow_both_bad", "options", "judgments_per_task", "tasks_per_rater", "lease_minutes",
        "seed",
    )  # fmt: skip
    return {
        **{field: getattr(study, field) for field in fields},
        "stopping_rule": "every task has judgments_per_task judgments, or the study is closed",
        "prompt_set": {
            "slug": study.prompt_set.slug,
            "content_hash": study.prompt_set.content_hash,
        },
        "systems": [
            {"slug": s.slug, "backend": s.backend, "model": s.model, "settings": s.settings}
            for s in systems
        ],
        "outputs": {
            str(output.pk): output.text_hash or "in the making"
            for output in sorted(outputs.values(), key=lambda o: o.pk)
        },
    }


@write_transaction()
def admit_finished_outputs(study: Study) -> int:
    """Open the tasks whose outputs have been finished since; return how many.

    Their hashes join the record now. A task whose output failed for good is withdrawn.
    """
    ready = list(
        study.tasks.waiting()
        .with_outputs_done()
        .select_related("output_a", "output_b")
        .defer("output_a__text", "output_a__html", "output_b__text", "output_b__html")
    )
    for task in ready:
        if task.output_a is None:
            continue
        task.ready_at = now()
        task.hash_a = task.output_a.text_hash
        task.hash_b = task.output_b.text_hash if task.output_b else ""
    Task.objects.bulk_update(ready, ["ready_at", "hash_a", "hash_b"], batch_size=500)
    _note_hashes(ready)
    waiting = study.assignments.filter(state=Assignment.State.WAITING)
    waiting.filter(task__in=ready).update(state=Assignment.State.OPEN)
    broken = TaskOutput.objects.filter(task=OuterRef("task"), output__state__in=_GONE)
    gone = Q(task__output_a__state__in=_GONE) | Q(task__output_b__state__in=_GONE) | Exists(broken)
    waiting.filter(gone).update(state=Assignment.State.WITHDRAWN)
    if not waiting.exists():
        Study.objects.filter(pk=study.pk).update(is_waiting=False)
        study.is_waiting = False
    return len(ready)


def _note_hashes(ready: list[Task]) -> None:
    """Note what stands at the places of groups, where it was still in the making at launch."""
    late = list(
        TaskOutput.objects.filter(task__in=ready, hash="", output__isnull=False)
        .select_related("output")
        .defer("output__text", "output__html")
    )
    for place in late:
        place.hash = place.output.text_hash if place.output else ""
    TaskOutput.objects.bulk_update(late, ["hash"], batch_size=500)
