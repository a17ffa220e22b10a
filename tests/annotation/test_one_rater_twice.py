"""One rater in two tabs, a double click: the database sees both at once, the study sees one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from annotation.assignments import next_turn, skip_assignment, submit_judgment
from annotation.exceptions import AssignmentClosed
from annotation.launch import launch_study
from annotation.models import Assignment, Judgment, Rater
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


@pytest.fixture
def bob():
    return make_rater(launch_study(make_study(prompts=ROUNDS, judgments_per_task=1)))


def both_at_once(rater: Rater, act: Callable[[Rater], Any]) -> list[Any]:
    """Let two threads act for the rater together; return what came back, errors included."""
    start = Barrier(2, timeout=30)

    def run(_: int) -> Any:
        try:
            same = Rater.objects.select_related("study").get(pk=rater.pk)
            start.wait()
            return act(same)
        except AssignmentClosed as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))


def claimed(rater: Rater) -> Assignment:
    key = next_turn(rater).assignment_pk
    assert key
    return Assignment.objects.get(pk=key)


def test_two_tabs_show_the_same_task(bob):
    for _ in range(ROUNDS):
        one, other = both_at_once(bob, next_turn)
        assert one == other
        slot = bob.assignments.get(state="claimed")
        assert one.assignment_pk == slot.pk
        submit_judgment(bob, token=slot.token, choice="tie")


def test_an_answer_sent_twice_at_once_is_stored_once_and_known_as_stored(bob):
    for number in range(1, ROUNDS + 1):
        token = claimed(bob).token
        results = both_at_once(bob, lambda r, t=token: submit_judgment(r, token=t, choice="left"))
        assert sorted(type(result).__name__ for result in results) == [
            "AssignmentClosed",
            "Judgment",
        ]
        assert Judgment.objects.count() == number


def test_a_task_skipped_twice_at_once_gets_one_fresh_slot(bob):
    for number in range(1, ROUNDS + 1):
        token = claimed(bob).token
        both_at_once(bob, lambda r, t=token: skip_assignment(r, token=t))
        assert bob.assignments.filter(state="skipped").count() == number
        assert bob.study.assignments.filter(state="open").count() == ROUNDS
