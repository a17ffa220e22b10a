"""Launching: the design becomes rows, and what was decided is frozen and hashed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.timezone import now

from annotation.design import TaskPlan, plan_slots, plan_tasks
from annotation.exceptions import StudyNotDraft, StudyNotReady
from annotation.models import Assignment, Side, Study, Task
from annotation.protocols import protocol_of
from annotation.quality.declaring import plan_of_rules
from annotation.way import count_golds, gold_pairs, plan_of_way, way_problems
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
    count_golds(study)
    tasks = _make_tasks(study, systems, outputs)
    slots = _make_slots(study, tasks)
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
    problems = []
    needed = protocol_of(study).outputs
    if len(systems) < needed:
        problems.append(f"The study needs at least {needed} systems.")
    prompts = study.prompt_set.prompts.count()
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
    if prompts * len(systems) ** 2 * study.judgments_per_task > MAX_SLOTS * 2:
        problems.append("The study would have millions of judgments; take fewer systems.")
    return problems + way_problems(study)


def _outputs(study: Study, systems: list[System]) -> Outputs:
    """Return the outputs by (prompt, system); refuse when one is missing or failed."""
    if problems := launch_problems(study):
        raise StudyNotReady(" ".join(problems))
    rows = Output.objects.filter(
        system__in=systems, prompt__prompt_set=study.prompt_set, sample=study.sample
    ).defer("text", "html", "provenance")
    return {(output.prompt_id, output.system_id): output for output in rows}


def _make_tasks(study: Study, systems: list[System], outputs: Outputs) -> list[Task]:
    prompts = list(study.prompt_set.prompts.order_by("position").values_list("pk", flat=True))
    plan = plan_tasks(
        is_pairwise=protocol_of(study).outputs == 2, systems=len(systems), prompts=len(prompts)
    )
    known = gold_pairs(study)
    tasks = []
    for p, a, b in zip(plan.prompt, plan.system_a, plan.system_b, strict=True):
        if (prompts[p], systems[a].pk, systems[b].pk if b >= 0 else None) in known:
            continue
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
            task.ready_at = study.launched_at
            task.hash_a, task.hash_b = output_a.text_hash, output_b.text_hash if output_b else ""
        tasks.append(task)
    return Task.objects.bulk_create(tasks, batch_size=_BATCH)


def _make_slots(study: Study, tasks: list[Task]) -> int:
    plan = plan_slots(
        _arrays(tasks),
        target=study.judgments_per_task,
        rng=np.random.default_rng(study.seed),
    )
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
            zip(plan.task.tolist(), plan.k.tolist(), plan.a_left.tolist(), strict=True)
        )
    )
    Assignment.objects.bulk_create(slots, batch_size=_BATCH)
    return len(plan.task)


def _arrays(tasks: list[Task]) -> TaskPlan:
    """Return the design's arrays for rows that were made from it."""
    return TaskPlan(
        prompt=np.array([task.prompt_id for task in tasks]),
        system_a=np.array([task.system_a_id for task in tasks]),
        system_b=np.array([task.system_b_id or -1 for task in tasks]),
    )


def _plan(study: Study, systems: list[System], outputs: Outputs) -> dict[str, Any]:
    """Everything that was decided, in a form that a stranger can check."""
    fields = (
        "protocol", "question", "instructions", "consent", "title", "sample", "allow_tie",
        "allow_both_bad", "judgments_per_task", "tasks_per_rater", "lease_minutes", "seed",
    )  # fmt: skip
    return {
        **{field: getattr(study, field) for field in fields},
        "raters": plan_of_way(study),
        "rules": plan_of_rules(study),
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
    waiting = study.assignments.filter(state=Assignment.State.WAITING)
    waiting.filter(task__in=ready).update(state=Assignment.State.OPEN)
    gone = Q(task__output_a__state__in=_GONE) | Q(task__output_b__state__in=_GONE)
    waiting.filter(gone).update(state=Assignment.State.WITHDRAWN)
    if not waiting.exists():
        Study.objects.filter(pk=study.pk).update(is_waiting=False)
        study.is_waiting = False
    return len(ready)
