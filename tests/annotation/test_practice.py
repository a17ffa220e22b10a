"""Training tells what would have been right; a qualification may be tried twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from annotation.audit import audit_blinding
from annotation.exceptions import StudyNotReady
from annotation.gold import marks_of
from annotation.gold_files import import_gold
from annotation.launch import launch_study
from annotation.models import Assignment, Judgment, Rater, Study
from annotation.services import close_study, pause_study, resume_study
from annotation.way import set_way
from ranking.rollups import read_cells
from tests.annotation.people import (
    HTMX,
    claimed_by,
    enter,
    judge_all,
    path_of,
    text_of,
    token_on,
    where,
)
from tests.annotation.test_gold import gold_row, make_draft
from tests.factories import make_rater

pytestmark = pytest.mark.django_db

RIGHT, WRONG = True, False


def make_practised_study(*, training: int = 2, attempt: int = 2, **settings: Any) -> Study:
    study = make_draft(prompts=12)
    kinds = ["training"] * training + ["qualification"] * 2 * attempt
    rows = [
        gold_row(f"p{n}", kind=kind, feedback=f"Because of *{n}*.")
        for n, kind in enumerate(kinds, start=1)
    ]
    import_gold(study, rows)
    if attempt:
        set_way(study, qualification_tasks=attempt, **{"pass_percent": 100, **settings})
    return launch_study(study)


@pytest.fixture
def study() -> Study:
    return make_practised_study()


@pytest.fixture
def bob(study) -> Rater:
    return make_rater(study)


def fresh(rater: Rater) -> Rater:
    return Rater.objects.select_related("study__stored_way").get(pk=rater.pk)


def answer(client: Client, rater: Rater, page: str, *, right: bool, **kwargs: Any) -> Any:
    """Answer the task on the screen; `a` is always what was expected."""
    client.get(path_of(rater, page))
    slot = claimed_by(rater)
    choice = "left" if (slot.left == "a") == right else "right"
    return client.post(path_of(rater, page), {"token": slot.token, "choice": choice}, **kwargs)


def trained(rater: Rater) -> Client:
    client = enter(rater)
    for _ in range(2):
        answer(client, rater, "training", right=True)
    client.get(path_of(rater, "training"))
    return client


def test_training_comes_first_then_qualification_then_judging(study, bob):
    client = enter(bob)
    assert where(client, bob) == "training"
    page = text_of(client.get(path_of(bob, "training")))
    assert "you see what we would have said" in page
    assert "0 of 2" in page
    assert ">Skip<" not in page
    assert "Undo last" not in page
    for _ in range(2):
        answer(client, bob, "training", right=True)
    client.get(path_of(bob, "training"))
    assert where(client, bob) == "qualification"
    for _ in range(2):
        answer(client, bob, "qualification", right=True)
    client.get(path_of(bob, "qualification"))
    assert where(client, bob) == "judge"
    assert judge_all(client, bob) == 12
    assert fresh(bob).outcome == Rater.Outcome.COMPLETE


@pytest.mark.parametrize("way", ["page", "htmx"])
def test_a_training_answer_is_followed_by_words(bob, way):
    client = enter(bob)
    options: dict[str, Any] = {"headers": HTMX} if way == "htmx" else {"follow": True}
    page = text_of(answer(client, bob, "training", right=True, **options))
    assert "That is right." in page
    assert "Because of <em>1</em>." in page
    client.get(path_of(bob, "training"))
    side = "Left" if claimed_by(bob).left == "a" else "Right"
    page = text_of(answer(client, bob, "training", right=False, **options))
    assert "We see it otherwise." in page
    assert f"<strong>{side} is better</strong>" in page
    assert fresh(bob).trained_at is None, "the last feedback is read before the step is over"
    assert client.get(path_of(bob, "training"))["Location"] == path_of(bob, "qualification")


def test_a_training_answer_sent_twice_shows_the_same_words(bob):
    client = enter(bob)
    client.get(path_of(bob, "training"))
    sent = {"token": claimed_by(bob).token, "choice": "left"}
    first, second = (client.post(path_of(bob, "training"), sent, headers=HTMX) for _ in range(2))
    assert text_of(first) == text_of(second)
    assert Judgment.objects.count() == 1


def test_the_words_on_anothers_answer_are_not_shown(study, bob):
    carol = make_rater(study, "carol")
    client = enter(carol)
    client.get(path_of(carol, "training"))
    token = claimed_by(carol).token
    client.post(path_of(carol, "training"), {"token": token, "choice": "left"})
    for theirs in (token, "nonsense", "00000000-0000-4000-8000-000000000000"):
        page = enter(bob).get(path_of(bob, "training"), {"token": theirs})
        assert "Because" not in text_of(page)
        assert "Your answer" in text_of(page)


def test_no_words_follow_a_qualification_answer(bob):
    client = trained(bob)
    page = answer(client, bob, "qualification", right=False, headers=HTMX)
    assert "Because" not in text_of(page)
    assert "would have said" not in text_of(page)
    assert token_on(page)


def test_a_second_try_has_other_tasks_and_may_be_passed(bob):
    client = trained(bob)
    first = client.get(path_of(bob, "qualification"))
    assert "2 of 2 answers must be right" in text_of(first)
    answer(client, bob, "qualification", right=True)
    answer(client, bob, "qualification", right=False)
    second = text_of(client.get(path_of(bob, "qualification")))
    assert "your second and last try" in second
    assert "0 of 2" in second
    for _ in range(2):
        answer(client, bob, "qualification", right=True)
    client.get(path_of(bob, "qualification"))
    assert where(client, bob) == "judge"
    slots = bob.assignments.filter(purpose="qualification")
    assert slots.values("task").distinct().count() == 4


def test_two_failed_tries_end_politely(bob):
    client = trained(bob)
    for right in (RIGHT, WRONG, WRONG, RIGHT):
        answer(client, bob, "qualification", right=right)
    page = client.get(path_of(bob, "qualification"), follow=True)
    assert "Thank you for your time." in text_of(page)
    assert "Undo" not in text_of(page)
    assert fresh(bob).outcome == Rater.Outcome.SCREENED_OUT
    assert fresh(bob).finished_at
    assert where(client, bob) == "done"
    for page in ("judge", "undo", "skip", "qualification"):
        client.post(path_of(bob, page), {"choice": "left"})
    assert not bob.assignments.of_judging().exists()
    assert fresh(bob).outcome == Rater.Outcome.SCREENED_OUT


@pytest.mark.parametrize(
    ("percent", "answers", "passes"),
    [
        (66, [RIGHT, RIGHT, WRONG], True),
        (67, [RIGHT, RIGHT, WRONG], False),
        (0, [WRONG, WRONG, WRONG], True),
        (100, [RIGHT, RIGHT, RIGHT], True),
    ],
)
def test_the_mark_is_a_percentage_of_the_attempt(percent, answers, passes):
    study = make_practised_study(training=0, attempt=3, pass_percent=percent)
    rater = make_rater(study)
    client = enter(rater)
    for right in answers:
        answer(client, rater, "qualification", right=right)
    client.get(path_of(rater, "qualification"))
    assert where(client, rater) == ("judge" if passes else "qualification")


def test_practice_counts_nowhere(study, bob):
    client = trained(bob)
    for _ in range(2):
        answer(client, bob, "qualification", right=True)
    client.get(path_of(bob, "qualification"))
    page = text_of(client.get(path_of(bob, "judge")))
    assert "0 of 12" in page
    assert "Undo last" not in page
    assert Judgment.objects.count() == 4
    assert read_cells(study).total == 0
    assert marks_of([bob]) == {}
    client.post(path_of(bob, "undo"))
    assert not bob.assignments.filter(reopened_at__isnull=False).exists()


@pytest.mark.parametrize("page", ["undo", "skip", "keep", "judge"])
def test_nothing_is_skipped_or_undone_in_practice(bob, page):
    client = enter(bob)
    client.get(path_of(bob, "training"))
    sent = {"token": claimed_by(bob).token, "choice": "left"}
    assert client.post(path_of(bob, page), sent).status_code == 409
    assert claimed_by(bob).state == "claimed"
    assert not Judgment.objects.exists()


def test_a_practice_task_whose_time_ran_out_is_replaced_and_not_wrong(bob):
    client = trained(bob)
    client.get(path_of(bob, "qualification"))
    bob.assignments.filter(state="claimed").update(lease_until=now() - timedelta(seconds=1))
    for _ in range(2):
        answer(client, bob, "qualification", right=True)
    client.get(path_of(bob, "qualification"))
    assert where(client, bob) == "judge"


def test_a_paused_study_rests_and_a_closed_one_is_over(study, bob):
    client = enter(bob)
    pause_study(study)
    assert "The study is paused." in text_of(client.get(path_of(bob, "training")))
    resume_study(study)
    assert token_on(client.get(path_of(bob, "training")))
    client.post(path_of(bob, "training"), {"token": claimed_by(bob).token, "choice": "left"})
    close_study(study)
    assert "The study has ended." in text_of(client.get(path_of(bob, "training")))
    assert fresh(bob).outcome == ""


def test_a_withdrawn_system_holds_nobody_back(study, bob):
    study.golds.update(is_withdrawn=True)
    client = enter(bob)
    client.get(path_of(bob, "training"))
    client.get(path_of(bob, "qualification"))
    assert where(client, bob) == "judge"


def test_each_rater_has_an_order_of_their_own(study):
    orders = set()
    for number in range(6):
        rater = make_rater(study, f"rater {number}")
        client = trained(rater)
        for _ in range(2):
            answer(client, rater, "qualification", right=True)
        slots = rater.assignments.filter(purpose="qualification").order_by("pk")
        orders.add(tuple(slots.values_list("task", flat=True)))
    assert len(orders) > 2


def test_the_audit_goes_the_whole_way(study):
    assert [finding for finding in audit_blinding(study) if finding.is_leak] == []
    assert not Assignment.objects.filter(rater__isnull=False).exists()


@pytest.mark.parametrize(
    ("settings", "golds", "words"),
    [
        ({"qualification_tasks": 2}, 3, "it needs 4 tasks, not 3"),
        ({}, 2, "it is not said how many an attempt has"),
    ],
)
def test_a_qualification_that_cannot_be_tried_twice_is_no_launch(settings, golds, words):
    study = make_draft()
    import_gold(study, [gold_row(f"p{n + 1}", kind="qualification") for n in range(golds)])
    if settings:
        set_way(study, **settings)
    with pytest.raises(StudyNotReady, match=words):
        launch_study(study)


@pytest.mark.parametrize("page", ["training", "qualification"])
def test_a_stranger_and_another_studys_rater_are_turned_away(study, bob, page):
    other = make_rater(make_practised_study(), "eve")
    client = enter(other)
    assert Client().get(path_of(bob, page)).status_code == 403
    assert client.get(path_of(bob, page)).status_code == 403
    assert Client().post(path_of(bob, page), {"choice": "left"}).status_code == 403
