"""What does not count is named by an exclusion with a reason, and comes back when it is lifted."""

from __future__ import annotations

import pytest

from annotation.launch import launch_study
from annotation.models import Judgment
from annotation.services import exclude, lift_exclusion
from evalsite.lib.exceptions import InputRefused
from tests.factories import make_judgment, make_rater, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return launch_study(make_study())


@pytest.fixture
def judged(study):
    """bob's and charlie's judgments of both tasks, by name."""
    return {
        name: [make_judgment(task, rater) for task in study.tasks.all()]
        for name in ("bob", "charlie")
        for rater in [make_rater(study, name)]
    }


def included(study):
    return set(study.judgments.included())


def test_an_excluded_raters_judgments_leave_and_return(study, judged):
    bob = judged["bob"][0].rater
    exclusion = exclude(rater=bob, rule="too fast", reason="two seconds each", by=study.owner)
    assert included(study) == set(judged["charlie"])
    lift_exclusion(exclusion, by=study.owner)
    assert included(study) == {*judged["bob"], *judged["charlie"]}


def test_a_single_judgment_leaves_and_returns(study, judged):
    first, second = judged["bob"]
    exclusion = exclude(rater=first.rater, rule="by hand", reason="a slip", judgment=first)
    assert included(study) == {second, *judged["charlie"]}
    lift_exclusion(exclusion)
    assert included(study) == {first, second, *judged["charlie"]}


def test_lifting_one_exclusion_leaves_another_in_force(study, judged):
    first, second = judged["bob"]
    whole = exclude(rater=first.rater, rule="too fast", reason="two seconds each")
    exclude(rater=first.rater, rule="by hand", reason="a slip", judgment=first)
    lift_exclusion(whole)
    assert included(study) == {second, *judged["charlie"]}


def test_nothing_is_deleted_and_the_record_says_why(study, judged):
    bob = judged["bob"][0].rater
    exclusion = exclude(rater=bob, rule="too fast", reason="two seconds each", by=study.owner)
    lift_exclusion(exclusion, by=study.owner)
    exclusion.refresh_from_db()
    assert (exclusion.reason, exclusion.by) == ("two seconds each", study.owner)
    assert exclusion.lifted_at is not None
    assert Judgment.objects.count() == 4


def test_lifting_twice_keeps_the_first_time(study, judged):
    exclusion = exclude(rater=judged["bob"][0].rater, rule="too fast", reason="two seconds each")
    lift_exclusion(exclusion)
    exclusion.refresh_from_db()
    first = exclusion.lifted_at
    lift_exclusion(exclusion)
    exclusion.refresh_from_db()
    assert exclusion.lifted_at == first


def test_an_exclusion_without_a_reason_is_refused(study, judged):
    with pytest.raises(InputRefused, match="no reason"):
        exclude(rater=judged["bob"][0].rater, rule="by hand", reason=" \n")
    assert not study.exclusions.exists()
    assert len(included(study)) == 4


def test_what_is_excluded_cannot_be_excluded_again_until_it_is_lifted():
    study = launch_study(make_study())
    rater = make_rater(study)
    first = exclude(rater=rater, rule="by hand", reason="too fast")
    with pytest.raises(InputRefused, match="excluded already"):
        exclude(rater=rater, rule="by hand", reason="too fast")
    lift_exclusion(first)
    exclude(rater=rater, rule="by hand", reason="still too fast")
    assert study.exclusions.count() == 2
