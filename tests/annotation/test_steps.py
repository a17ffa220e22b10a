"""The rater's way is one list of steps, gone in order, each once."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation.launch import launch_study
from annotation.models import Judgment, Rater, Study
from annotation.services import close_study
from annotation.steps import current_step, is_ahead, steps_of
from tests.annotation.people import (
    HTMX,
    claimed_by,
    enter,
    judge_all,
    open_link,
    path_of,
    text_of,
    where,
)
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db
PAGES = ("consent", "instructions", "judge", "done")
ACTIONS = ("undo", "keep", "skip")


@pytest.fixture
def study() -> Study:
    return launch_study(make_study(consent="We store answers."))


@pytest.fixture
def bob(study) -> Rater:
    return make_rater(study)


def fresh(rater: Rater) -> Rater:
    return Rater.objects.select_related("study").get(pk=rater.pk)


def test_a_study_without_a_consent_text_asks_for_none(study):
    assert [step.name for step in steps_of(study)] == list(PAGES)
    study.consent = ""
    assert [step.name for step in steps_of(study)] == ["instructions", "judge", "done"]


def test_the_way_leads_from_step_to_step_to_an_outcome(bob):
    client = open_link(bob)
    for page in ("consent", "instructions"):
        assert where(client, bob) == page
        client.post(path_of(bob, page))
    assert where(client, bob) == "judge"
    assert judge_all(client, bob) == 2
    assert where(client, bob) == "done"
    assert "Thank you" in text_of(client.get(path_of(bob, "done")))
    bob.refresh_from_db()
    assert bob.outcome == Rater.Outcome.COMPLETE
    assert bob.judging_ended_at <= bob.finished_at


@pytest.mark.parametrize("page", ["instructions", "judge", *ACTIONS])
def test_a_post_out_of_order_is_refused_and_changes_nothing(bob, page):
    client = open_link(bob)
    answer = client.post(path_of(bob, page), {"choice": "tie"})
    assert answer.status_code == 409
    assert "Something comes before that" in text_of(answer)
    assert current_step(fresh(bob)).name == "consent"
    assert not Judgment.objects.exists()


def test_htmx_gets_the_refusal_in_place(bob):
    answer = open_link(bob).post(path_of(bob, "judge"), {"choice": "tie"}, headers=HTMX)
    assert answer.status_code == 200
    assert "Something comes before that" in text_of(answer)
    assert "<html" not in text_of(answer)


@pytest.mark.parametrize("page", ["instructions", "judge", "done"])
def test_a_look_ahead_leads_back_to_where_the_rater_stands(bob, page):
    assert open_link(bob).get(path_of(bob, page))["Location"] == path_of(bob, "consent")


def test_a_step_sent_twice_is_done_once(bob):
    client = enter(bob)
    before = fresh(bob)
    for page in ("consent", "instructions"):
        assert client.post(path_of(bob, page))["Location"] == path_of(bob, "judge")
    assert fresh(bob).consented_at == before.consented_at
    assert fresh(bob).instructed_at == before.instructed_at


def test_the_last_answer_sent_twice_shows_the_end(bob):
    client = enter(bob)
    client.get(path_of(bob, "judge"))
    last = claimed_by(bob).token
    judge_all(client, bob)
    answer = client.post(path_of(bob, "judge"), {"token": last, "choice": "tie"}, headers=HTMX)
    assert "Thank you" in text_of(answer)
    assert Judgment.objects.count() == 2


def test_undo_at_the_end_goes_back_and_the_end_comes_again(bob):
    client = enter(bob)
    judge_all(client, bob)
    ended = fresh(bob).finished_at
    page = client.post(path_of(bob, "undo"), follow=True)
    assert "You chose <strong>Tie</strong>" in text_of(page)
    assert where(client, bob) == "judge"
    assert fresh(bob).outcome == ""
    client.post(path_of(bob, "keep"))
    assert "Thank you" in text_of(client.get(path_of(bob, "judge")))
    assert fresh(bob).outcome == Rater.Outcome.COMPLETE
    assert fresh(bob).finished_at == ended


def test_whoever_finds_nothing_left_has_not_ended_and_may_come_back():
    study = launch_study(make_study(judgments_per_task=1))
    bob, carol = make_rater(study), make_rater(study, "carol")
    for rater in (bob, carol):
        enter(rater).get(path_of(rater, "judge"))
    client = enter(carol)
    assert judge_all(client, carol) == 1  # the other task is on bob's screen
    assert fresh(carol).outcome == ""
    study.assignments.filter(rater=bob).update(state="open", rater=None)
    assert judge_all(client, carol) == 1
    assert fresh(carol).outcome == Rater.Outcome.COMPLETE


def test_nobody_begins_after_the_end(study, bob):
    client = open_link(bob)
    close_study(study)
    answer = client.post(path_of(bob, "consent"))
    assert answer.status_code == 409
    assert "The study has ended" in text_of(answer)
    assert fresh(bob).consented_at is None


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_told_to_open_the_link(bob, page):
    assert Client().get(path_of(bob, page)).status_code == 403
    assert Client().post(path_of(bob, page)).status_code in (403, 405)


def test_a_page_that_the_study_does_not_ask_for_is_always_ahead(study, bob):
    study.consent = ""
    bob.study = study
    assert is_ahead(bob, "consent")
    assert not is_ahead(bob, "instructions")
