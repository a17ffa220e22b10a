"""Launching freezes the study; outputs in the making join as they are finished."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.utils.timezone import now

from annotation.assignments import next_turn
from annotation.exceptions import StudyNotDraft, StudyNotReady
from annotation.launch import admit_finished_outputs, launch_study
from annotation.models import Assignment, Study
from annotation.plans import digest
from evalsite.lib.text import sha256
from generation.models import Output
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db

State = Assignment.State


@pytest.fixture
def study():
    return make_study(systems=3, prompts=2, judgments_per_task=2)


def outputs_of(study, **lookup):
    return Output.objects.filter(prompt__prompt_set=study.prompt_set, **lookup).order_by("pk")


def unfinish(study, *, state=Output.State.PENDING):
    """Put an output in place of the study's first one that is not finished."""
    first = outputs_of(study).first()
    system, prompt = first.system, first.prompt
    first.delete()
    return Output.objects.create(system=system, prompt=prompt, state=state, queue_position=0)


def finish(output, text="Late, but here."):
    Output.objects.filter(pk=output.pk).update(
        state=Output.State.DONE, text=text, html=f"<p>{text}</p>", text_hash=sha256(text)
    )


def states(study):
    return {state: study.assignments.filter(state=state).count() for state in State}


def test_a_launched_study_has_its_tasks_and_slots(study):
    launch_study(study, by=study.owner)
    assert study.state == Study.State.OPEN
    assert (study.task_count, study.slot_count) == (6, 12)
    assert study.tasks.count() == 6
    assert study.assignments.filter(state=State.OPEN).count() == 12
    assert sorted(study.assignments.values_list("position", flat=True)) == list(range(12))


def test_the_plan_is_stored_with_its_hash(study):
    launch_study(study)
    study.refresh_from_db()
    stored = json.dumps(study.plan, sort_keys=True, ensure_ascii=False)
    assert study.plan_hash == sha256(stored)
    assert [s["slug"] for s in study.plan["systems"]] == list(
        study.study_systems.values_list("system__slug", flat=True)
    )
    assert study.plan["seed"] == study.seed


def test_a_stranger_can_check_the_outputs_from_their_texts(study):
    launch_study(study)
    digests = study.plan["outputs"]["systems"]
    for system in study.systems.all():
        texts = outputs_of(study, system=system).order_by("prompt__position")
        lines = [hashlib.sha256(output.text.encode()).hexdigest() + "\n" for output in texts]
        expected = hashlib.sha256("".join(lines).encode()).hexdigest()
        assert digests[system.slug] == {"in_the_making": 0, "sha256": expected}
    assert len(digests) == 3
    assert "each ended by a newline" in study.plan["outputs"]["rule"]


def test_the_digest_follows_the_prompts_positions_not_their_keys():
    study = make_study(systems=2, prompts=3)
    first, last = study.prompt_set.prompts.first(), study.prompt_set.prompts.last()
    for prompt, position in ((first, 9), (last, 0), (first, 2)):
        study.prompt_set.prompts.filter(pk=prompt.pk).update(position=position)
    launch_study(study)
    for system in study.systems.all():
        hashes = outputs_of(study, system=system).order_by("prompt__position")
        expected = digest(hashes.values_list("text_hash", flat=True))
        assert study.plan["outputs"]["systems"][system.slug]["sha256"] == expected


def test_every_task_keeps_the_hashes_of_what_is_judged(study):
    launch_study(study)
    for task in study.tasks.select_related("output_a", "output_b"):
        assert (task.hash_a, task.hash_b) == (task.output_a.text_hash, task.output_b.text_hash)


def test_the_log_says_who_launched_what(study):
    launch_study(study, by=study.owner)
    event = study.events.get(what="launched")
    assert event.by == study.owner
    assert event.detail == {"plan_hash": study.plan_hash}


def test_a_second_launch_is_refused_and_changes_nothing(study):
    launch_study(study)
    before = list(study.assignments.order_by("pk").values())
    with pytest.raises(StudyNotDraft):
        launch_study(Study.objects.get(pk=study.pk))
    assert list(study.assignments.order_by("pk").values()) == before
    assert study.events.filter(what="launched").count() == 1


@pytest.mark.parametrize("state", [Output.State.FAILED, Output.State.CANCELLED])
def test_an_output_that_failed_is_refused_by_its_systems_name(study, state):
    broken = unfinish(study, state=state)
    with pytest.raises(StudyNotReady, match=f"{broken.system.name} has 1 output"):
        launch_study(study)
    assert_still_a_draft(study)


def test_a_missing_output_is_refused_by_its_systems_name(study):
    missing = outputs_of(study).last()
    missing.delete()
    with pytest.raises(StudyNotReady, match=f"{missing.system.name} has no output for 1 of 2"):
        launch_study(study)
    assert_still_a_draft(study)


def test_a_comparison_needs_two_systems():
    study = make_study(systems=1)
    with pytest.raises(StudyNotReady, match="at least 2 systems"):
        launch_study(study)
    assert_still_a_draft(study)


def assert_still_a_draft(study):
    assert study.state == Study.State.DRAFT, "the caller's object must not claim a launch"
    study.refresh_from_db()
    assert study.state == Study.State.DRAFT
    assert study.plan is None
    assert not study.tasks.exists()
    assert not study.events.exists()


def test_the_tasks_of_an_output_in_the_making_wait(study):
    pending = unfinish(study)
    launch_study(study)
    assert study.is_waiting
    facts = study.plan["outputs"]["systems"]
    assert facts[pending.system.slug]["in_the_making"] == 1
    assert facts[pending.system.slug]["sha256"] == digest(
        [
            "",
            *outputs_of(study, system=pending.system, state="done").values_list(
                "text_hash", flat=True
            ),
        ]
    )
    assert sum(fact["in_the_making"] for fact in facts.values()) == 1
    # Two of the six tasks show the output; the other four are ready.
    assert (states(study)[State.WAITING], states(study)[State.OPEN]) == (4, 8)
    assert study.tasks.waiting().count() == 2


def test_a_finished_output_opens_its_tasks_and_joins_the_record(study):
    pending = unfinish(study)
    launch_study(study)
    finish(pending)
    assert admit_finished_outputs(study) == 2
    assert states(study)[State.OPEN] == 12
    for task in study.tasks.filter(output_a=pending):
        assert task.hash_a == sha256("Late, but here.")
        assert task.ready_at <= now()
    study.refresh_from_db()
    assert not study.is_waiting


def test_what_is_not_finished_yet_stays_waiting(study):
    unfinish(study)
    launch_study(study)
    assert admit_finished_outputs(study) == 0
    assert states(study)[State.WAITING] == 4
    study.refresh_from_db()
    assert study.is_waiting


def test_an_output_that_fails_after_the_launch_withdraws_its_tasks(study):
    pending = unfinish(study)
    launch_study(study)
    Output.objects.filter(pk=pending.pk).update(state=Output.State.FAILED, error="no memory")
    assert admit_finished_outputs(study) == 0
    assert (states(study)[State.WITHDRAWN], states(study)[State.OPEN]) == (4, 8)
    study.refresh_from_db()
    assert not study.is_waiting


def test_a_rater_who_asks_is_given_what_was_finished_meanwhile():
    study = make_study(systems=2, prompts=1, judgments_per_task=1)
    pending = unfinish(study)
    launch_study(study)
    bob = make_rater(study)
    assert next_turn(bob).assignment_pk is None
    finish(pending)
    assert next_turn(bob).assignment_pk is not None


def test_mos_makes_one_task_of_every_output():
    study = make_study(systems=3, prompts=2, protocol=Study.Protocol.MOS)
    launch_study(study)
    assert study.tasks.count() == 6
    assert not study.tasks.exclude(output_b=None).exists()
