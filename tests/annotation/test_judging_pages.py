"""The rater's pages over HTTP: the way through, every wrong turn, and what never shows."""

from __future__ import annotations

import re
from datetime import timedelta
from time import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from annotation.launch import launch_study
from annotation.models import Assignment, Judgment, Rater, Study
from annotation.services import close_study, pause_study, revoke_rater
from generation.models import System
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def study() -> Study:
    return launch_study(make_study(prompts=4, consent="We store answers."))


@pytest.fixture
def bob(study) -> Rater:
    return make_rater(study)


def enter(rater: Rater) -> Client:
    """Follow the invite link through consent and instructions."""
    client = Client()
    assert client.get(f"/r/{rater.invite_token}/", follow=True).status_code == 200
    for page in ("consent", "instructions"):
        client.post(f"/rate/{rater.study.public_id}/{page}/")
    return client


def judge_url(rater: Rater) -> str:
    return f"/rate/{rater.study.public_id}/judge/"


def token_on(page) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    assert found
    return found[1]


def slot_of(rater: Rater) -> Assignment:
    return rater.assignments.get(state="claimed")


def test_the_way_leads_from_the_link_to_the_end(study, bob):
    client = Client()
    home = f"/rate/{study.public_id}/"
    assert client.get(f"/r/{bob.invite_token}/")["Location"] == home
    cookie = client.cookies["rater"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (home, True, "Lax")
    assert client.get(home)["Location"].endswith("/consent/")
    client.post(home + "consent/")
    assert client.get(home)["Location"].endswith("/instructions/")
    client.post(home + "instructions/")
    assert client.get(home)["Location"].endswith("/judge/")
    for _ in range(4):
        page = client.get(judge_url(bob))
        client.post(judge_url(bob), {"token": token_on(page), "choice": "tie", "seconds": "1.5"})
    assert "Thank you" in client.get(judge_url(bob)).content.decode()
    assert Judgment.objects.count() == 4
    bob.refresh_from_db()
    assert bob.consented_at
    assert bob.finished_at


def test_nobody_judges_before_consenting(bob):
    client = Client()
    client.get(f"/r/{bob.invite_token}/")
    assert client.get(judge_url(bob))["Location"].endswith("/consent/")
    assert client.post(judge_url(bob), {"choice": "tie"}).status_code == 409


@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize("choice", ["left", "right", "tie", "both_bad"])
def test_a_choice_becomes_a_verdict(bob, side, choice):
    client = enter(bob)
    client.get(judge_url(bob))
    slot = slot_of(bob)
    Assignment.objects.filter(pk=slot.pk).update(left=side)
    client.post(judge_url(bob), {"token": slot.token, "choice": choice})
    expected = {"left": side, "right": {"a": "b", "b": "a"}[side]}.get(choice, choice)
    judgment = Judgment.objects.get()
    assert (judgment.verdict, judgment.left) == (expected, side)
    assert judgment.seconds is not None


def test_what_stands_left_is_the_slots_left_output(bob):
    client = enter(bob)
    page = client.get(judge_url(bob)).content.decode()
    slot = slot_of(bob)
    outputs = {"a": slot.task.output_a.text, "b": slot.task.output_b.text}
    left, right = page.index(outputs[slot.left]), page.index(outputs["ba"["ab".index(slot.left)]])
    assert left < right


def test_htmx_gets_the_next_task_and_a_browser_without_it_a_redirect(bob):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    part = client.post(judge_url(bob), {"token": token, "choice": "tie"}, headers=HTMX)
    assert part.status_code == 200
    assert "<html" not in part.content.decode()
    assert token_on(part) != token
    answer = client.post(judge_url(bob), {"token": token_on(part), "choice": "tie"})
    assert (answer.status_code, answer["Location"]) == (302, judge_url(bob))


def test_a_double_submit_stores_one_and_goes_on(bob):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    for _ in range(2):
        part = client.post(judge_url(bob), {"token": token, "choice": "left"}, headers=HTMX)
        assert token_on(part) != token
    assert Judgment.objects.count() == 1


@pytest.mark.parametrize(
    "answer", [{"choice": "best"}, {"choice": "3"}, {"choice": ""}, {"choice": "x" * 50}, {}]
)
def test_an_unknown_choice_is_refused_plainly(bob, answer):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    page = client.post(judge_url(bob), {"token": token, **answer})
    assert page.status_code == 409
    assert "This answer was not stored." in page.content.decode()
    assert "Go on with the next task" in page.content.decode()
    assert not Judgment.objects.exists()


def test_a_choice_that_the_study_does_not_offer_is_refused():
    study = launch_study(make_study(allow_tie=False, allow_both_bad=False))
    rater = make_rater(study)
    client = enter(rater)
    page = client.get(judge_url(rater))
    assert "Both bad" not in page.content.decode()
    client.post(judge_url(rater), {"token": token_on(page), "choice": "tie"})
    assert not Judgment.objects.exists()


@pytest.mark.parametrize("token", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
def test_a_forged_token_is_refused(bob, token):
    client = enter(bob)
    client.get(judge_url(bob))
    assert client.post(judge_url(bob), {"token": token, "choice": "tie"}).status_code == 409
    assert not Judgment.objects.exists()


def test_another_raters_task_is_refused(study, bob):
    charlie = make_rater(study, "charlie")
    theirs = token_on(enter(charlie).get(judge_url(charlie)))
    page = enter(bob).post(judge_url(bob), {"token": theirs, "choice": "tie"})
    assert page.status_code == 409
    assert not Judgment.objects.exists()


def test_the_cookie_of_one_study_opens_no_other(bob):
    other = make_rater(launch_study(make_study()), "eve")
    client = enter(bob)
    # The browser would not even send it there; a forger would.
    value = client.cookies["rater"].value
    client.cookies["rater"] = value
    page = client.get(judge_url(other))
    assert page.status_code == 403
    assert "We do not know who you are." in page.content.decode()


def test_a_forged_or_revoked_link_is_a_plain_page(bob):
    for token in ("x", bob.public_id, bob.invite_token[:-1] + "x", "a:b"):
        page = Client().get(f"/r/{token}/")
        assert page.status_code == 403
        assert "Open the link in your invitation again" in page.content.decode()
    client = enter(bob)
    revoke_rater(bob)
    assert client.get(judge_url(bob)).status_code == 403
    assert Client().get(f"/r/{bob.invite_token}/").status_code == 403


def test_an_expired_cookie_leads_htmx_out_of_the_card(bob):
    answer = Client().post(judge_url(bob), {"choice": "tie"}, headers=HTMX)
    assert answer["HX-Redirect"] == f"/rate/{bob.study.public_id}/"


def test_an_expired_assignment_stores_nothing_and_the_task_comes_back(bob):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    past = now() - timedelta(seconds=1)
    bob.assignments.filter(state="claimed").update(lease_until=past)
    page = client.post(judge_url(bob), {"token": token, "choice": "tie"})
    assert "its time had run out" in page.content.decode()
    assert not Judgment.objects.exists()
    assert client.get(judge_url(bob)).status_code == 200
    assert bob.assignments.filter(state="claimed").count() == 1


def test_an_answer_sent_a_year_later_stores_nothing_and_the_link_leads_on(bob, monkeypatch):
    client = enter(bob)
    token, answer = token_on(client.get(judge_url(bob))), {"choice": "tie"}
    bob.assignments.filter(token=token).update(lease_until=now() - timedelta(days=365))
    year = 365 * 24 * 3600
    with monkeypatch.context() as later:
        later.setattr("django.core.signing.time.time", lambda: time() + year)
        page = client.post(judge_url(bob), {"token": token, **answer})
        assert page.status_code == 403
        assert "We do not know who you are." in page.content.decode()
        assert not Judgment.objects.exists()
        client.get(f"/r/{bob.invite_token}/", follow=True)
        again = token_on(client.get(judge_url(bob)))
        client.post(judge_url(bob), {"token": again, **answer})
    assert Judgment.objects.get().rater == bob


def test_undo_keeps_the_old_answer_until_the_new_one(study, bob):
    client = enter(bob)
    client.post(judge_url(bob), {"token": token_on(client.get(judge_url(bob))), "choice": "left"})
    page = client.post(f"/rate/{study.public_id}/undo/", follow=True)
    assert "You chose <strong>Left is better</strong>" in page.content.decode()
    assert Judgment.objects.current().count() == 1
    client.post(judge_url(bob), {"token": token_on(page), "choice": "tie"})
    old, new = Judgment.objects.order_by("pk")
    assert new.supersedes == old
    assert Judgment.objects.current().get() == new
    again = client.post(f"/rate/{study.public_id}/undo/", follow=True)
    assert "You chose <strong>Tie</strong>" in again.content.decode()
    kept = client.post(f"/rate/{study.public_id}/keep/", follow=True)
    assert "You chose" not in kept.content.decode()
    assert Judgment.objects.count() == 2


def test_a_skipped_task_does_not_come_back_to_its_rater():
    study = launch_study(make_study(prompts=3, judgments_per_task=1))
    rater = make_rater(study)
    client = enter(rater)
    page = client.get(judge_url(rater))
    skipped = slot_of(rater).task_id
    client.post(f"/rate/{study.public_id}/skip/", {"token": token_on(page)})
    for _ in range(2):
        page = client.get(judge_url(rater))
        client.post(judge_url(rater), {"token": token_on(page), "choice": "tie"})
    assert "Thank you" in client.get(judge_url(rater)).content.decode()
    assert skipped not in Judgment.objects.values_list("task", flat=True)
    other = make_rater(study, "carol")
    enter(other).get(judge_url(other))
    assert slot_of(other).task_id == skipped


def test_a_paused_study_takes_the_answer_on_screen_and_hands_out_no_more(study, bob):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    pause_study(study)
    page = client.post(judge_url(bob), {"token": token, "choice": "tie"}, follow=True)
    assert "The study is paused." in page.content.decode()
    assert Judgment.objects.count() == 1


def test_a_closed_study_takes_nothing(study, bob):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    close_study(study)
    page = client.post(judge_url(bob), {"token": token, "choice": "tie"})
    assert "could not be stored any more" in page.content.decode()
    assert not Judgment.objects.exists()


def test_a_closed_study_shows_no_task_that_it_would_refuse(study, bob):
    client = enter(bob)
    page = client.get(judge_url(bob))
    client.post(judge_url(bob), {"token": token_on(page), "choice": "tie"})
    client.post(f"/rate/{study.public_id}/undo/")
    close_study(study)
    assert "Thank you" in client.get(judge_url(bob)).content.decode()


def test_a_double_click_on_skip_sets_one_task_aside(study, bob):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    for _ in range(2):
        part = client.post(f"/rate/{study.public_id}/skip/", {"token": token}, headers=HTMX)
        assert token_on(part) != token
    assert bob.assignments.filter(state="skipped").count() == 1


def test_an_address_with_a_nul_is_a_stranger(bob):
    client = enter(bob)
    assert client.get("/rate/%00/judge/").status_code == 403


def test_no_answer_is_kept_by_a_cache(bob):
    client = enter(bob)
    token = token_on(client.get(judge_url(bob)))
    answers = [
        client.get(f"/r/{bob.invite_token}/"),
        client.get(f"/rate/{bob.study.public_id}/pause/"),
        client.post(judge_url(bob), {"token": token, "choice": "tie"}, headers=HTMX),
        Client().get(judge_url(bob)),
    ]
    assert all("no-store" in answer["Cache-Control"] for answer in answers)


def test_another_device_shows_the_same_task(bob):
    one, two = enter(bob), enter(bob)
    assert token_on(one.get(judge_url(bob))) == token_on(two.get(judge_url(bob)))


def test_a_quota_ends_the_work():
    study = launch_study(make_study(prompts=5, tasks_per_rater=2))
    rater = make_rater(study)
    client = enter(rater)
    for _ in range(2):
        page = client.get(judge_url(rater))
        client.post(judge_url(rater), {"token": token_on(page), "choice": "tie"})
    assert "Thank you" in client.get(judge_url(rater)).content.decode()


def test_sides_are_balanced_for_each_rater():
    study = launch_study(make_study(prompts=12, judgments_per_task=4))
    rater = make_rater(study)
    client = enter(rater)
    for _ in range(12):
        page = client.get(judge_url(rater))
        client.post(judge_url(rater), {"token": token_on(page), "choice": "tie"})
    lefts = list(Judgment.objects.values_list("left", flat=True))
    assert abs(lefts.count("a") - lefts.count("b")) <= 2


def test_mos_stores_the_score_and_shows_one_output():
    study = launch_study(make_study(protocol="mos"))
    rater = make_rater(study)
    client = enter(rater)
    page = client.get(judge_url(rater))
    assert page.content.decode().count("<article") == 1
    client.post(judge_url(rater), {"token": token_on(page), "choice": "4"})
    judgment = Judgment.objects.get()
    assert (judgment.score, judgment.verdict, judgment.left) == (4, "", "")
    page = client.get(judge_url(rater))
    for bad in ("0", "6", "left", "4.5"):
        client.post(judge_url(rater), {"token": token_on(page), "choice": bad})
    assert Judgment.objects.count() == 1


def test_nothing_on_the_page_tells_systems_apart(study, bob):
    System.objects.filter(slug="system-1").update(name="Aurora seven", model="aurora-7b")
    client = enter(bob)
    page = client.get(judge_url(bob))
    text = page.content.decode() + str(page.headers)
    part = client.post(judge_url(bob), {"token": token_on(page), "choice": "tie"}, headers=HTMX)
    for path in ("undo/", "pause/", "instructions/", "consent/"):
        act = client.post if path == "undo/" else client.get
        text += act(f"/rate/{study.public_id}/{path}", headers=HTMX).content.decode()
    text += part.content.decode()
    slot = bob.assignments.filter(state="judged").get()
    for secret in ("Aurora", "aurora", "system-1", "System 2", study.slug, study.name):
        assert secret not in text
    assert slot.task.output_a.text_hash not in text
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "same-origin"


def statements(tasks: int) -> int:
    study = launch_study(make_study(prompts=tasks, judgments_per_task=2))
    rater = make_rater(study)
    client = enter(rater)
    token = token_on(client.get(judge_url(rater)))
    with CaptureQueriesContext(connection) as caught:
        part = client.post(judge_url(rater), {"token": token, "choice": "left"}, headers=HTMX)
    assert token_on(part) != token
    return len(caught)


def test_an_answer_and_the_next_task_cost_twelve_statements_at_any_size():
    assert statements(20) == statements(2000) <= 12
