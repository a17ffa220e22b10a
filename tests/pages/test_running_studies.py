"""A launched study: its progress, its raters, its state, what does not count."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation.assignments import next_turn, submit_judgment
from annotation.launch import launch_study
from annotation.models import Exclusion, Judgment, Study
from annotation.services import MAX_INVITES, invite_raters
from tests.factories import make_judgment, make_rater, make_study, make_user
from tests.pages.people import errors, said, signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def study() -> Study:
    return launch_study(make_study(slug="one", prompts=3))


def judge(study: Study, rater, times: int = 1) -> None:
    for _ in range(times):
        next_turn(rater)
        assignment = rater.assignments.get(state="claimed")
        submit_judgment(rater, token=assignment.token, choice="left")


# Progress


def test_the_page_says_how_far_the_study_is(study):
    judge(study, make_rater(study), times=2)
    page = signed_in().get("/studies/one/")
    progress = page.context["progress"]
    assert (progress["judged"], progress["target"]) == (2, 6)
    assert "2 of 6" in page.content.decode()


def test_htmx_gets_only_the_progress(study):
    part = signed_in().get("/studies/one/", headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div id="study-progress"')
    assert "<html" not in part


def test_the_progress_asks_again_only_while_the_study_is_open(study):
    alice = signed_in()
    assert "every 5s" in alice.get("/studies/one/").content.decode()
    alice.post("/studies/one/pause/")
    assert "every 5s" not in alice.get("/studies/one/").content.decode()


def test_an_ended_session_leads_the_live_part_to_sign_in(study, client):
    answer = client.get("/studies/one/", headers=HTMX)
    assert answer["HX-Redirect"] == "/accounts/sign-in/?next=/studies/one/"


def test_a_stranger_gets_no_part_either(study):
    assert signed_in("charlie").get("/studies/one/", headers=HTMX).status_code == 404


@pytest.mark.parametrize("raters", [3, 30])
def test_the_page_costs_the_same_with_more_raters(study, raters, django_assert_max_num_queries):
    invite_raters(study, count=raters)
    alice = signed_in()
    with django_assert_max_num_queries(17):
        page = alice.get("/studies/one/")
    assert len(page.context["raters"]) == raters


def test_many_raters_come_in_pages(study):
    invite_raters(study, count=60)
    page = signed_in().get("/studies/one/?page=2")
    assert len(page.context["raters"]) == 10


# States


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        (["pause"], "paused"),
        (["pause", "resume"], "open"),
        (["close"], "closed"),
        (["pause", "close"], "closed"),
        (["close", "resume"], "closed"),
        (["close", "pause"], "closed"),
        (["resume"], "open"),
    ],
)
def test_a_study_moves_between_its_states(study, actions, state):
    alice = signed_in()
    for action in actions:
        alice.post(f"/studies/one/{action}/")
    study.refresh_from_db()
    assert study.state == state


def test_a_closed_study_says_why_it_stays_closed(study):
    alice = signed_in()
    alice.post("/studies/one/close/")
    assert "cannot be resumed: it is closed." in said(alice.post("/studies/one/resume/"))
    page = alice.get("/studies/one/").content.decode()
    for address in ("/pause/", "/resume/", "/close/", "/invite/"):
        assert address not in page
    assert "/leaderboard/" in page


def test_the_log_says_who_did_what(study):
    alice = signed_in()
    for action in ("pause", "resume", "close"):
        alice.post(f"/studies/one/{action}/")
    events = alice.get("/studies/one/").context["events"]
    assert [e.what for e in events][:3] == ["closed", "resumed", "paused"]
    assert {e.by.username for e in list(events)[:3]} == {"alice"}


def test_a_draft_cannot_be_paused():
    make_study(slug="draft")
    assert said(signed_in().post("/studies/draft/pause/")) == (
        "The study cannot be paused: it is draft."
    )


# Raters


def test_invited_raters_get_links_that_work(study):
    alice = signed_in()
    page = alice.post("/studies/one/invite/", {"count": 3}, follow=True).content.decode()
    assert "3 raters invited" in page
    for rater in study.raters.all():
        link = f"/r/{rater.invite_token}/"
        assert f'data-copy="http://testserver{link}"' in page
        assert Client().get(link).status_code in (200, 302)
    assert study.raters.count() == 3


@pytest.mark.parametrize("count", ["", "0", "-1", "x", "1e3", str(MAX_INVITES + 1), "9" * 30])
def test_a_count_that_is_none_invites_nobody(study, count):
    answer = signed_in().post("/studies/one/invite/", {"count": count})
    assert said(answer) == f"that is no number of raters; expected 1 to {MAX_INVITES}"
    assert not study.raters.exists()


def test_a_draft_and_a_closed_study_invite_nobody(study):
    make_study(slug="draft")
    alice = signed_in()
    alice.post("/studies/one/close/")
    for slug in ("draft", "one"):
        assert "not open" in said(alice.post(f"/studies/{slug}/invite/", {"count": 1}))


def test_a_revoked_link_lets_nobody_in(study):
    rater = make_rater(study)
    alice = signed_in()
    assert "does not work any more" in said(alice.post(f"/studies/one/raters/{rater.pk}/revoke/"))
    assert rater.invite_token not in alice.get("/studies/one/").content.decode()
    assert Client().get(f"/r/{rater.invite_token}/", follow=True).status_code == 403


def test_a_rater_of_another_study_is_not_found(study):
    other = make_rater(launch_study(make_study(slug="two", owner=make_user("charlie"))))
    alice = signed_in()
    for pk in (other.pk, 0, "9" * 30):
        assert alice.post(f"/studies/one/raters/{pk}/revoke/").status_code == 404
        assert alice.get(f"/studies/one/raters/{pk}/exclude/").status_code == 404
    other.refresh_from_db()
    assert other.revoked_at is None


def test_an_exclusion_has_a_reason_and_can_be_lifted(study):
    rater = make_rater(study)
    judge(study, rater)
    alice = signed_in()
    address = f"/studies/one/raters/{rater.pk}/exclude/"
    assert errors(alice.post(address, {"reason": " "})) == {"reason": ["This field is required."]}
    assert not Exclusion.objects.exists()
    alice.post(address, {"reason": "Always left."})
    assert Judgment.objects.included().count() == 0
    assert "Always left." in alice.get("/studies/one/").content.decode()
    exclusion = Exclusion.objects.get()
    alice.post(f"/studies/one/exclusions/{exclusion.pk}/lift/")
    assert Judgment.objects.included().count() == 1
    assert "lifted" in alice.get("/studies/one/").content.decode()


def test_only_the_owner_lifts_an_exclusion(study):
    rater = make_rater(study)
    signed_in().post(f"/studies/one/raters/{rater.pk}/exclude/", {"reason": "Too fast."})
    exclusion = Exclusion.objects.get()
    address = f"/studies/one/exclusions/{exclusion.pk}/lift/"
    assert signed_in("charlie").post(address).status_code == 404
    assert signed_in().get(address).status_code == 405
    assert "/accounts/sign-in/" in Client().post(address)["Location"]
    exclusion.refresh_from_db()
    assert exclusion.lifted_at is None


# Rounds of adaptive pairs


@pytest.fixture
def rounds() -> Study:
    draft = make_study(
        slug="rounds", systems=4, prompts=8, judgments_per_task=3, pairing="adaptive",
        task_budget=30,
    )  # fmt: skip
    return launch_study(draft)


def test_the_owner_asks_the_next_round_by_a_button(rounds):
    alice = signed_in()
    page = alice.get("/studies/rounds/").content.decode()
    assert "20 of 30 tasks are asked" in page
    assert "Ask the next round" in page
    answer = alice.post("/studies/rounds/tasks/add/", {"count": 4})
    assert said(answer) == "4 tasks added."
    assert answer["Location"] == "/studies/rounds/"
    assert rounds.tasks.count() == 24
    assert rounds.events.get(detail__round=2).by.username == "alice"


@pytest.mark.parametrize("count", ["", "0", "-1", "x", "9" * 30, None])
def test_a_number_of_tasks_that_is_none_is_told(rounds, count):
    answer = signed_in().post(
        "/studies/rounds/tasks/add/", {} if count is None else {"count": count}
    )
    assert "no number of tasks" in said(answer)
    assert rounds.tasks.count() == 20


def test_no_round_after_the_budget_or_the_end(rounds):
    alice = signed_in()
    assert said(alice.post("/studies/rounds/tasks/add/", {"count": 99})) == "10 tasks added."
    assert "Ask the next round" not in alice.get("/studies/rounds/").content.decode()
    assert "budget" in said(alice.post("/studies/rounds/tasks/add/", {"count": 1}))
    alice.post("/studies/rounds/close/")
    assert "not open" in said(alice.post("/studies/rounds/tasks/add/", {"count": 1}))
    assert rounds.tasks.count() == 30


def test_a_stranger_asks_no_round(rounds):
    answer = signed_in("charlie").post("/studies/rounds/tasks/add/", {"count": 1})
    assert answer.status_code == 404
    assert rounds.tasks.count() == 20


def test_a_full_study_offers_no_round(study):
    alice = signed_in()
    assert "Ask the next round" not in alice.get("/studies/one/").content.decode()
    assert "pairing is not adaptive" in said(alice.post("/studies/one/tasks/add/", {"count": 1}))


def test_a_rater_between_rounds_is_asked_to_come_back(rounds):
    bob = make_rater(rounds)
    bob.stamp("instructed_at")
    judge(rounds, bob, times=20)
    browser = Client()
    browser.get(f"/r/{bob.invite_token}/")
    page = browser.get(f"/rate/{rounds.public_id}/judge/").content.decode()
    assert "nothing to judge just now" in page
    assert "20 of 30" in page
    bob.refresh_from_db()
    assert bob.finished_at is None
    rounds.refresh_from_db()
    signed_in().post("/studies/rounds/tasks/add/", {"count": 1})
    assert "Task 21 of 30" in browser.get(f"/rate/{rounds.public_id}/judge/").content.decode()


def test_a_rater_who_was_imported_is_not_said_to_be_invited(study):
    make_judgment(study.tasks.first(), make_rater(study))
    page = signed_in().get("/studies/one/").content.decode()
    assert ">imported</td>" in page
    assert ">invited</td>" not in page


def test_a_closed_study_gives_out_no_links(study):
    make_rater(study)
    alice = signed_in()
    assert "Copy link" in alice.get("/studies/one/").content.decode()
    alice.post("/studies/one/close/")
    assert "Copy link" not in alice.get("/studies/one/").content.decode()
