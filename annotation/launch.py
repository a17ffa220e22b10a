"""Launching: the design becomes rows, and what was decided is frozen and hashed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from annotation.exceptions import StudyNotDraft, StudyNotReady
from annotation.models import Assignment, Study, Task, TaskOutput
from annotation.protocols import Protocol, protocol_of
from annotation.quality.declaring import plan_of_rules
from annotation.rounds import make_first_round, plan_of_rounds
from annotation.tasks import GONE, Outputs, make_slots, make_tasks, outputs_of, without_gold
from annotation.way import count_golds, plan_of_way, way_problems
from evalsite.lib.db import write_transaction
from evalsite.lib.text import sha256
from generation.models import Output, System

#: More rows than that in one transaction is a mistake in the form rather than a study.
MAX_SLOTS = 2_000_000
#: Among more tasks than that no round is drawn.
MAX_POOL = 50_000_000


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
    study.plan = _plan(study, systems, outputs)
    study.plan_hash = sha256(json.dumps(study.plan, sort_keys=True, ensure_ascii=False))
    study.save()
    study.log("launched", by=by, plan_hash=study.plan_hash)
    if study.pairing == Study.Pairing.ADAPTIVE:
        make_first_round(study, systems, outputs, by=by)
    else:
        rng = np.random.default_rng(study.seed)
        prompts = study.prompt_set.prompts.count()
        plan = protocol_of(study).design(systems=len(systems), prompts=prompts, rng=rng)
        plan = without_gold(study, plan, systems)
        tasks = make_tasks(study, plan, systems, outputs)
        make_slots(study, plan, tasks, rng)
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
        broken = sum(states[system.pk, s] for s in GONE)
        missing = prompts - sum(n for (pk, _), n in states.items() if pk == system.pk)
        if missing:
            problems.append(f"{system.name} has no output for {missing} of {prompts} prompts.")
        if broken:
            problems.append(f"{system.name} has {broken} outputs that failed or were cancelled.")
    sizes = _size_problems(study, protocol, systems=len(systems), prompts=prompts)
    return problems + sizes + way_problems(study)


def _size_problems(study: Study, protocol: Protocol, *, systems: int, prompts: int) -> list[str]:
    """Say what is wrong with the number of tasks."""
    budget = study.task_budget
    pool = protocol.task_count(systems=systems, prompts=prompts)
    problems = []
    if (budget or pool) * study.judgments_per_task > MAX_SLOTS or pool > MAX_POOL:
        problems.append("The study would have millions of judgments; take fewer systems.")
    if budget is not None and budget < systems - 1:
        problems.append(f"A budget of {budget} tasks cannot join {systems} systems.")
    if budget is not None and budget > pool:
        problems.append(
            f"The budget is {budget} tasks, but there are only {pool}: take full pairing."
        )
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
    return outputs_of(study, systems)


def _plan(study: Study, systems: list[System], outputs: Outputs) -> dict[str, Any]:
    """Everything that was decided, in a form that a stranger can check."""
    fields = (
        "protocol", "question", "instructions", "consent", "title", "language", "redact", "sample",
        "allow_tie", "allow_both_bad", "options", "pairing", "task_budget", "judgments_per_task",
        "tasks_per_rater", "lease_minutes", "seed",
    )  # fmt: skip
    is_adaptive = study.pairing == Study.Pairing.ADAPTIVE
    tasks = "each of task_budget tasks" if is_adaptive else "every task"
    return {
        **{field: getattr(study, field) for field in fields},
        **({"rounds": plan_of_rounds(study, systems=len(systems))} if is_adaptive else {}),
        "raters": plan_of_way(study),
        "rules": plan_of_rules(study),
        "stopping_rule": f"{tasks} has judgments_per_task judgments, or the study is closed",
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
    broken = TaskOutput.objects.filter(task=OuterRef("task"), output__state__in=GONE)
    gone = Q(task__output_a__state__in=GONE) | Q(task__output_b__state__in=GONE) | Exists(broken)
    waiting.filter(gone).update(state=Assignment.State.WITHDRAWN)
    # Locked, so that a round that is being added just now is seen with its slots.
    Study.objects.select_for_update(no_key=True).values("pk").get(pk=study.pk)
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
