"""Whoever has begun finishes their quota and is paid; whoever comes too late hears it at the door.

With so many at once as come, no task gets more judgments than its target.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from annotation.assignments import judge_and_go_on, next_turn
from annotation.exceptions import StudyFull
from annotation.joining import join, open_link
from annotation.launch import launch_study
from annotation.models import Assignment, Rater, Study
from annotation.platforms import Ids
from annotation.services import close_study, revoke_rater, withdraw_system
from annotation.steps import INSTRUCTIONS, JUDGE, complete_step, end_judging
from tests.annotation.people import enter, judge_all, path_of, text_of
from tests.annotation.people import open_link as open_invitation
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db


def make_promising_study(*, tasks: int = 5, per_task: int = 2, quota: int = 4) -> Study:
    return launch_study(
        make_study(prompts=tasks, judgments_per_task=per_task, tasks_per_rater=quota)
    )


def begin(study: Study, name: str) -> Rater:
    rater = make_rater(study, name)
    complete_step(rater, INSTRUCTIONS)
    return rater


def fresh(rater: Rater) -> Rater:
    return Rater.objects.select_related("study__stored_way").get(pk=rater.pk)


def test_what_is_promised_is_reserved_and_the_last_one_gets_the_rest():
    study = make_promising_study()  # ten slots
    assert [begin(study, name).quota for name in "abc"] == [4, 4, 2]
    with pytest.raises(StudyFull):
        begin(study, "d")
    assert study.raters.filter(instructed_at=None).count() == 1


def test_nobody_is_promised_more_tasks_than_are_left():
    study = make_promising_study(tasks=3, per_task=4, quota=3)
    study.assignments.filter(task__in=study.tasks.all()[:1]).delete()
    assert begin(study, "a").quota == 2, "a rater meets a task once, however many slots it has"


def test_who_comes_too_late_hears_it_before_any_work():
    study = make_promising_study(tasks=2, per_task=1, quota=2)
    begin(study, "a")
    late = make_rater(study, "late")
    client = open_invitation(late)
    page = client.post(path_of(late, "instructions"))
    assert page.status_code == 409
    assert "The study is full" in text_of(page)
    assert fresh(late).admitted_at is None
    assert client.get(path_of(late, "judge"))["Location"].endswith("/instructions/")


def test_an_open_link_gives_no_place_away_when_the_study_is_full():
    study = make_promising_study(tasks=2, per_task=1, quota=2)
    link = open_link(study, cap=5)
    first = join(link, Ids())
    assert first.quota == 2
    with pytest.raises(StudyFull):
        join(link, Ids())
    link.refresh_from_db()
    assert link.opened == 1
    assert study.raters.count() == 1


def test_a_study_without_a_quota_lets_everybody_in():
    study = launch_study(make_study(judgments_per_task=1))
    assert [begin(study, name).quota for name in "abc"] == [None] * 3


def test_who_has_begun_is_let_through_again():
    study = make_promising_study(tasks=2, per_task=1, quota=2)
    rater = begin(study, "a")
    complete_step(rater, INSTRUCTIONS)
    assert fresh(rater).quota == 2


@pytest.mark.parametrize("end", ["revoked", "screened out", "gone", "done"])
def test_who_leaves_gives_the_rest_of_the_promise_back(end):
    study = make_promising_study(tasks=4, per_task=1, quota=4)
    rater = begin(study, "a")
    slot = Assignment.objects.get(pk=next_turn(fresh(rater)).assignment_pk)
    judge_and_go_on(fresh(rater), token=slot.token, choice="tie")
    with pytest.raises(StudyFull):
        begin(study, "b")
    if end == "revoked":
        revoke_rater(rater)
    elif end == "screened out":
        rater.end(Rater.Outcome.SCREENED_OUT)
    elif end == "done":
        rater.stamp(JUDGE.stamp)
    else:
        past = now() - timedelta(minutes=study.lease_minutes, seconds=1)
        Rater.objects.filter(pk=rater.pk).update(admitted_at=past)
        rater.assignments.update(claimed_at=past)
    assert begin(study, "c").quota == 3


def test_a_quota_that_was_shortened_ends_the_work_and_is_shown():
    study = make_promising_study(tasks=5, per_task=1, quota=4)
    begin(study, "a")
    rater = make_rater(study, "b")
    client = enter(rater)
    assert "0 of 1" in text_of(client.get(path_of(rater, "judge")))
    assert judge_all(client, rater) == 1
    assert (fresh(rater).outcome, fresh(rater).is_filled_up) == ("complete", False)


def test_a_withdrawn_system_leaves_less_to_do_and_the_rater_is_complete():
    study = launch_study(make_study(systems=3, prompts=2, judgments_per_task=1, tasks_per_rater=6))
    rater = make_rater(study)
    client = enter(rater)
    client.get(path_of(rater, "judge"))
    first = rater.assignments.get(state="claimed")
    client.post(path_of(rater, "judge"), {"token": first.token, "choice": "tie"})
    withdraw_system(study, system=study.systems.first(), reason="broken")
    withdraw_system(study, system=study.systems.last(), reason="broken too")
    assert "Thank you" in text_of(client.get(path_of(rater, "judge")))
    assert rater.assignments.judged().count() == 1
    assert (fresh(rater).outcome, fresh(rater).is_filled_up) == ("complete", True)


def test_a_study_closed_in_the_middle_fills_up_whoever_was_at_work():
    study = make_promising_study()
    rater = make_rater(study)
    client = enter(rater)
    client.get(path_of(rater, "judge"))
    close_study(study)
    client.get(path_of(rater, "judge"))
    assert (fresh(rater).outcome, fresh(rater).is_filled_up) == ("complete", True)


def test_who_skips_what_is_missing_is_not_filled_up():
    study = make_promising_study(tasks=3, per_task=1, quota=3)
    rater = make_rater(study)
    client = enter(rater)
    for act in ("judge", "skip", "skip"):
        client.get(path_of(rater, "judge"))
        slot = rater.assignments.get(state="claimed")
        client.post(path_of(rater, act), {"token": slot.token, "choice": "tie"})
    client.get(path_of(rater, "judge"))
    assert (fresh(rater).outcome, fresh(rater).is_filled_up) == ("complete", False)


def test_who_has_judged_nothing_and_finds_nothing_has_not_ended():
    study = make_promising_study(tasks=2, per_task=1, quota=2)
    rater = begin(study, "a")
    study.assignments.update(state="withdrawn")
    client = open_invitation(rater)
    assert "nothing to judge" in text_of(client.get(path_of(rater, "judge")))
    assert fresh(rater).outcome == ""


def test_a_stranger_is_admitted_nowhere():
    study = make_promising_study()
    assert Client().post(f"/rate/{study.public_id}/instructions/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_finish_what_they_were_promised_and_no_task_has_too_much():
    study = make_promising_study(tasks=6, per_task=3, quota=4)  # 18 slots: 4 4 4 4 2, then full
    raters = [make_rater(study, f"rater {n}") for n in range(8)]
    start = Barrier(len(raters), timeout=30)

    def take_part(rater: Rater) -> str:
        try:
            own = fresh(rater)
            start.wait()
            try:
                complete_step(own, INSTRUCTIONS)
            except StudyFull:
                return "full"
            while (turn := next_turn(fresh(own))).assignment_pk:
                token = Assignment.objects.get(pk=turn.assignment_pk).token
                judge_and_go_on(fresh(own), token=token, choice="tie")
            end_judging(own, has_met_quota=turn.has_met_quota)
            return "filled up" if own.is_filled_up else "complete"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(raters)) as pool:
        ends = list(pool.map(take_part, raters))
    assert max(Counter(study.judgments.values_list("task", flat=True)).values()) <= 3
    assert max(Counter(study.judgments.values_list("rater", "task")).values()) == 1
    for rater, end in zip(map(fresh, raters), ends, strict=True):
        judged = rater.assignments.judged().count()
        if end == "complete":
            assert judged == rater.promised
        else:
            assert judged == 0 if end == "full" else judged < rater.promised
    # Judging moves no promise: all 18 slots are promised before anybody is sent away.
    promised = sorted(rater.quota for rater in map(fresh, raters) if rater.quota)
    assert promised[-4:] == [4, 4, 4, 4]
    assert sum(promised) >= 18
