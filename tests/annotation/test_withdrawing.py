"""A system that is withdrawn is asked about no more, wherever its tasks are just then."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from annotation.assignments import next_turn, skip_assignment, submit_judgment
from annotation.exceptions import AssignmentUnknown, StudyNotLaunched
from annotation.launch import launch_study
from annotation.models import Assignment
from annotation.services import revoke_rater, withdraw_system
from evalsite.lib.exceptions import InputRefused
from tests.factories import make_rater, make_study, make_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return launch_study(make_study(systems=2, prompts=2, judgments_per_task=1))


def claimed(rater):
    return Assignment.objects.get(pk=next_turn(rater).assignment_pk)


def withdraw(study):
    withdraw_system(study, system=study.systems.first(), reason="broken", by=study.owner)


def test_its_open_tasks_are_handed_out_no_more_and_its_judgments_stay(study):
    bob = make_rater(study)
    judgment = submit_judgment(bob, token=claimed(bob).token, choice="tie")
    withdraw(study)
    assert next_turn(bob).assignment_pk is None
    assert list(study.judgments.included()) == [judgment]
    assert study.events.get(what="system withdrawn").detail["reason"] == "broken"


def test_a_task_on_a_screen_goes_too(study):
    bob = make_rater(study)
    slot = claimed(bob)
    withdraw(study)
    with pytest.raises(AssignmentUnknown):
        submit_judgment(bob, token=slot.token, choice="tie")
    with pytest.raises(AssignmentUnknown):
        skip_assignment(bob, token=slot.token)
    revoke_rater(bob)
    assert not study.assignments.open().exists()


def test_other_systems_go_on():
    study = launch_study(make_study(systems=3, prompts=1, judgments_per_task=1))
    withdraw(study)
    left = study.assignments.open().get().task
    assert study.systems.first() not in (left.system_a, left.system_b)


def test_a_withdrawal_that_was_cut_off_in_the_middle_is_made_up_by_the_next_call(study):
    first = study.systems.first()
    study.study_systems.filter(system=first).update(withdrawn_at=now())
    with pytest.raises(InputRefused, match="not in the study"):
        withdraw(study)
    assert not study.assignments.open().exists()


def test_what_is_not_in_the_study_or_not_launched_is_refused(study):
    with pytest.raises(InputRefused, match="not in the study"):
        withdraw_system(study, system=make_system(), reason="broken")
    draft = make_study()
    with pytest.raises(StudyNotLaunched):
        withdraw_system(draft, system=draft.systems.first(), reason="broken")
