"""Groups whose outputs come late, fail, or belong to a system that is withdrawn."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from annotation.assignments import next_turn
from annotation.launch import admit_finished_outputs, launch_study
from annotation.models import Judgment, Task
from annotation.services import withdraw_system
from evalsite.lib.text import sha256
from generation.models import Output
from tests.factories import make_judgment, make_rater, make_study
from tests.protocols.rating import launched

pytestmark = pytest.mark.django_db


@pytest.fixture
def late():
    """Launch a study in which one output, of the last system, is still being made."""
    study = make_study(protocol="best_worst", systems=3, prompts=2, judgments_per_task=1)
    last = study.systems.order_by("study_systems__position").last()
    first = Output.objects.filter(system=last).first()
    prompt = first.prompt
    first.delete()
    pending = Output.objects.create(system=last, prompt=prompt, state="pending")
    launch_study(study)
    return study, pending


def states(study):
    return sorted(study.assignments.values_list("state", flat=True))


def test_a_group_waits_for_all_of_its_outputs_and_then_notes_their_hashes(late):
    study, pending = late
    assert states(study) == ["open", "waiting"]
    assert admit_finished_outputs(study) == 0
    Output.objects.filter(pk=pending.pk).update(
        state="done", text="Late.", html="<p>Late.</p>", text_hash=sha256("Late.")
    )
    assert admit_finished_outputs(study) == 1
    assert states(study) == ["open", "open"]
    task = study.tasks.get(outputs__output=pending)
    assert task.ready_at
    assert task.outputs.get(output=pending).hash == sha256("Late.")
    assert "" not in task.outputs.values_list("hash", flat=True)


def test_a_group_with_an_output_that_failed_is_withdrawn(late):
    study, pending = late
    Output.objects.filter(pk=pending.pk).update(state="failed")
    admit_finished_outputs(study)
    assert states(study) == ["open", "withdrawn"]


def test_a_withdrawn_system_takes_its_groups_with_it_whatever_its_place():
    study = launched("best_worst", systems=7, prompts=2, options={"size": 3})
    bob = make_rater(study)
    next_turn(bob)
    system = study.systems.order_by("study_systems__position").last()
    withdraw_system(study, system=system, reason="broken")
    theirs = study.assignments.filter(task__outputs__system=system)
    assert set(theirs.values_list("state", flat=True)) == {"withdrawn"}
    others = study.assignments.exclude(task__outputs__system=system)
    assert "withdrawn" not in others.values_list("state", flat=True)


def test_a_group_is_on_its_prompt_once():
    study = launched("best_worst")
    task = study.tasks.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.create(
            study=study, prompt=task.prompt, system_a=task.system_a, group=task.group
        )


def test_an_answer_is_append_only_and_there_is_one():
    study = launched("likert")
    task, bob = study.tasks.first(), make_rater(study)
    answer = {"scores": {"clear": 1, "it_is_correct": 1}}
    judgment = Judgment.objects.create(study=study, task=task, rater=bob, answer=answer)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Judgment.objects.filter(pk=judgment.pk).update(answer={"scores": {"clear": 3}})
    with pytest.raises(IntegrityError), transaction.atomic():
        Judgment.objects.create(study=study, task=task, rater=bob)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_judgment(task, bob, verdict="a", score=2)
