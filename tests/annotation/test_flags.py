"""A flag says what is wrong with a task; a countdown stands where time is paid."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from annotation.exceptions import StudyNotReady
from annotation.launch import launch_study
from annotation.models import Flag, Rater, Study
from annotation.paid_time import seconds_left
from annotation.payments import base_pay
from annotation.way import set_way
from tests.annotation.people import HTMX, claimed_by, enter, path_of, text_of, token_on
from tests.factories import make_rater, make_study, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return launch_study(make_study(prompts=4))


@pytest.fixture
def bob(study) -> Rater:
    return make_rater(study)


def test_a_flag_is_stored_the_task_set_aside_and_the_next_one_shown(study, bob):
    client = enter(bob)
    token = token_on(client.get(path_of(bob, "judge")))
    task = claimed_by(bob).task_id
    sent = {"token": token, "reason": "private", "text": " Names a neighbour. "}
    part = client.post(path_of(bob, "flag"), sent, headers=HTMX)
    assert token_on(part) != token
    flag = Flag.objects.get()
    assert (flag.reason, flag.text) == ("private", "Names a neighbour.")
    assert (flag.assignment.task_id, flag.assignment.rater) == (task, bob)
    assert study.assignments.filter(task=task, state="open").count() == 2
    assert study.slot_count == study.assignments.exclude(state="skipped").count()


def test_a_double_click_flags_once(bob):
    client = enter(bob)
    token = token_on(client.get(path_of(bob, "judge")))
    for _ in range(2):
        assert (
            client.post(path_of(bob, "flag"), {"token": token, "reason": "other"}).status_code
            == 302
        )
    assert Flag.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [{"reason": "dull"}, {"reason": ""}, {"token": "x"}, {"text": "x" * 1001},
     {"token": "00000000-0000-4000-8000-000000000000"}],
)  # fmt: skip
def test_a_flag_that_cannot_be_read_is_refused(bob, change):
    client = enter(bob)
    token = token_on(client.get(path_of(bob, "judge")))
    sent = {"token": token, "reason": "broken", **change}
    assert client.post(path_of(bob, "flag"), sent).status_code == 409
    assert not Flag.objects.exists()
    assert claimed_by(bob)


def test_nobody_flags_anothers_task_and_a_stranger_nothing(study, bob):
    carol = make_rater(study, "carol")
    token = token_on(enter(carol).get(path_of(carol, "judge")))
    sent = {"token": token, "reason": "broken"}
    assert enter(bob).post(path_of(bob, "flag"), sent).status_code == 409
    assert Client().post(path_of(bob, "flag"), sent).status_code == 403
    assert not Flag.objects.exists()


def test_the_researcher_reads_the_flags_and_a_stranger_does_not(study, bob):
    client = enter(bob)
    token = token_on(client.get(path_of(bob, "judge")))
    text = "<b>1 < 2</b>"
    client.post(path_of(bob, "flag"), {"token": token, "reason": "unclear", "text": text})
    alice, charlie = Client(), Client()
    alice.force_login(make_user())
    charlie.force_login(make_user("charlie"))
    page = text_of(alice.get(f"/studies/{study.slug}/"))
    assert "Flagged tasks" in page
    assert "&lt;b&gt;1 &lt; 2&lt;/b&gt;" in page
    assert charlie.get(f"/studies/{study.slug}/").status_code == 404


def make_hourly_study(minutes: int = 30) -> Study:
    study = make_study(prompts=4)
    set_way(study, hourly_pay=Decimal("12.00"), paid_minutes=minutes)
    return launch_study(study)


def test_without_pay_by_the_hour_there_is_no_countdown(bob):
    assert "min paid" not in text_of(enter(bob).get(path_of(bob, "judge")))
    assert seconds_left(bob) is None


def test_the_countdown_counts_time_on_tasks():
    rater = make_rater(make_hourly_study())
    client = enter(rater)
    assert 'data-countdown="1800">30</span> min paid' in text_of(
        client.get(path_of(rater, "judge"))
    )
    slot = claimed_by(rater)
    rater.assignments.filter(pk=slot.pk).update(claimed_at=slot.claimed_at - timedelta(hours=1))
    client.post(path_of(rater, "judge"), {"token": slot.token, "choice": "tie", "seconds": "300"})
    assert 'data-countdown="1500">25</span> min paid' in text_of(
        client.get(path_of(rater, "judge"))
    )


def test_when_the_paid_time_is_over_the_work_is_complete():
    rater = make_rater(make_hourly_study(minutes=5))
    client = enter(rater)
    client.get(path_of(rater, "judge"))
    slot = claimed_by(rater)
    rater.assignments.filter(pk=slot.pk).update(claimed_at=slot.claimed_at - timedelta(hours=1))
    client.post(path_of(rater, "judge"), {"token": slot.token, "choice": "tie", "seconds": "301"})
    assert "Thank you" in text_of(client.get(path_of(rater, "judge")))
    rater.refresh_from_db()
    assert (rater.outcome, rater.is_filled_up) == ("complete", False)


@pytest.mark.parametrize(
    ("seconds", "pay"), [(0, "0.00"), (600, "2.00"), (1800, "6.00"), (9999, "6.00")]
)
def test_an_hour_is_paid_by_its_seconds_up_to_the_limit(seconds, pay):
    rater = Rater(study=make_hourly_study(), outcome="complete")
    assert base_pay(rater.study.way, rater, 1, seconds) == Decimal(pay)


@pytest.mark.parametrize(
    "settings", [{"hourly_pay": 9}, {"paid_minutes": 9},
                 {"hourly_pay": 9, "paid_minutes": 9, "pay": 1}],
)  # fmt: skip
def test_pay_by_the_hour_that_is_half_set_is_no_launch(settings):
    study = make_study()
    set_way(study, **settings)
    with pytest.raises(StudyNotReady, match="Pay by the hour needs"):
        launch_study(study)
