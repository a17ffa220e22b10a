"""Launching: the design becomes rows, and what was decided is frozen and hashed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from annotation.exceptions import StudyNotDraft, StudyNotReady
from annotation.models import Assignment, Study, Task, TaskOutput
from annotation.mushra_sounds import anchor_problems, note_sound, prepare_anchors
from annotation.plans import SystemOutputs, plan_of, read_outputs
from annotation.protocols import Protocol, protocol_of
from annotation.rounds import make_first_round
from annotation.strata import shares_of_prompts
from annotation.stretches import make_first_stretch, order_of
from annotation.study_media import media_problems, prepare_media
from annotation.tasks import GONE
from annotation.way import count_golds, way_problems
from evalsite.lib.db import write_transaction
from evalsite.lib.text import sha256
from generation.models import System

#: A slot's place in its study is a number of 31 bits.
MAX_SLOTS = 2_000_000_000
#: Among more tasks than that no round is drawn.
MAX_POOL = 50_000_000


def launch_study(study: Study, *, by: User | None = None) -> Study:
    """Open a draft for rating: freeze and hash the plan, make the first tasks and their slots.

    Outputs may still be in the making; their tasks open as they arrive. Raises `StudyNotDraft`,
    and `StudyNotReady` when outputs are missing or failed.
    """
    # Before the transaction: to make many copies takes long, and other writers must not wait.
    if study.state == Study.State.DRAFT:
        prepare_media(study)
        prepare_anchors(study)
    return _launch(study, by=by)


@write_transaction()
def _launch(study: Study, *, by: User | None) -> Study:
    if not Study.objects.filter(pk=study.pk, state=Study.State.DRAFT).update(
        state=Study.State.OPEN, launched_at=now()
    ):
        raise StudyNotDraft
    systems = list(study.systems.order_by("study_systems__position"))
    facts = read_outputs(study, systems)
    if problems := _problems(study, systems, facts):
        raise StudyNotReady(" ".join(problems))
    # Only now: a refusal leaves the caller's object a draft, like the row.
    study.refresh_from_db()
    note_sound(study)
    count_golds(study)
    study.category_shares = shares_of_prompts(study.prompts)
    study.plan = plan_of(study, systems, facts)
    study.plan_hash = sha256(json.dumps(study.plan, sort_keys=True, ensure_ascii=False))
    study.save()
    study.log("launched", by=by, plan_hash=study.plan_hash)
    if study.pairing == Study.Pairing.ADAPTIVE:
        make_first_round(study, by=by)
    else:
        make_first_stretch(study)
    return study


def launch_problems(study: Study) -> list[str]:
    """Say why the draft cannot be launched, for people; an empty list means that it can."""
    systems = list(study.systems.order_by("study_systems__position"))
    return _problems(study, systems, read_outputs(study, systems))


def _problems(study: Study, systems: Sequence[System], facts: Sequence[SystemOutputs]) -> list[str]:
    problems = _protocol_problems(study, protocol_of(study), systems)
    prompts = study.prompts.count()
    for system, fact in zip(systems, facts, strict=True):
        if fact.missing:
            problems.append(f"{system.name} has no output for {fact.missing} of {prompts} prompts.")
        if fact.broken:
            problems.append(
                f"{system.name} has {fact.broken} outputs that failed or were cancelled."
            )
    files = media_problems(study) + anchor_problems(study)
    return problems + _size_problems(study) + files + way_problems(study)


def _size_problems(study: Study) -> list[str]:
    """Say what is wrong with the number of tasks."""
    order = order_of(study)
    budget, pool = study.task_budget, order.count
    is_adaptive = study.pairing == Study.Pairing.ADAPTIVE
    problems = []
    if (budget or pool) * study.judgments_per_task > MAX_SLOTS or (is_adaptive and pool > MAX_POOL):
        problems.append("The study would have too many judgments; take fewer systems.")
    if budget is not None and budget < order.fewest:
        problems.append(f"A budget of {budget} tasks cannot join {order.systems} systems.")
    if budget is not None and budget > pool:
        problems.append(
            f"The budget is {budget} tasks, but there are only {pool}: take full pairing."
        )
    return problems


def _protocol_problems(study: Study, protocol: Protocol, systems: Sequence[System]) -> list[str]:
    problems = []
    if len(systems) < protocol.fewest_systems:
        problems.append(f"The study needs at least {protocol.fewest_systems} systems.")
    if protocol.most_systems is not None and len(systems) > protocol.most_systems:
        problems.append(f"The study can have at most {protocol.most_systems} systems.")
    if protocol.shows_reference:
        bare = study.prompts.filter(reference="", reference_media=None).count()
        if bare:
            problems.append(f"{bare} prompts have no reference, which raters would be shown.")
    return problems


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
    # Locked, so that a round or stretch that is being made just now is seen with its slots.
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
