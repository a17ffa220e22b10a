"""Every researcher's page: its owner sees it, a stranger gets 404, nobody is asked to sign in."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation.joining import open_link
from annotation.launch import launch_study
from annotation.quality.declaring import declare_rules
from annotation.quality.reading import offers
from annotation.quality.rule_sets import basic
from generation.models import System
from generation.services import queue_generation
from ranking.services import fit_leaderboard
from tests.factories import make_judgment, make_rater, make_study, make_system, make_user

pytestmark = pytest.mark.django_db

LISTS = [
    "/",
    "/systems/",
    "/systems/new/",
    "/prompt-sets/",
    "/prompt-sets/new/",
    "/jobs/",
    "/studies/",
    "/studies/new/",
    "/benchmarks/",
    "/accounts/tokens/",
]
OWN = [
    "/systems/system-1/",
    "/prompt-sets/prompts-1/",
    "/prompt-sets/prompts-1/outputs/",
    "/jobs/{job}/",
    "/outputs/{output}/",
    "/studies/draft/",
    "/studies/open/",
    "/studies/open/raters/{rater}/exclude/",
    "/studies/open/recruiting/",
    "/studies/open/payments.csv",
    "/studies/open/quality/",
    "/studies/open/rules/apply/",
    "/studies/open/rules/{rule}/retire/",
    "/studies/open/raters/{rater}/",
    "/studies/open/leaderboard/",
    "/studies/open/leaderboard/{kept}/",
    "/studies/open/leaderboard.json",
    "/studies/open/leaderboard.md",
    "/studies/open/leaderboard.csv",
    "/studies/open/leaderboard.html",
    "/studies/scores/leaderboard/",
]
ACTIONS = [
    "/prompt-sets/prompts-1/queue/",
    "/prompt-sets/prompts-1/upload/",
    "/jobs/{job}/cancel/",
    "/jobs/{job}/retry/",
    "/studies/draft/launch/",
    "/studies/open/pause/",
    "/studies/open/resume/",
    "/studies/open/close/",
    "/studies/draft/delete/",
    "/studies/open/invite/",
    "/studies/open/tasks/add/",
    "/studies/open/codes/",
    "/studies/open/links/",
    "/studies/open/links/{link}/close/",
    "/studies/open/raters/{rater}/revoke/",
    "/studies/open/raters/{rater}/exclude/",
    "/studies/open/leaderboard/keep/",
    "/studies/open/leaderboard/{kept}/share/",
    "/studies/open/leaderboard/{kept}/unshare/",
]


@pytest.fixture
def places() -> dict[str, int]:
    study = launch_study(make_study(slug="open", prompts=3))
    scores = launch_study(make_study(slug="scores", protocol="mos"))
    make_study(slug="draft")
    rater, other = make_rater(study), make_rater(scores)
    for task in study.tasks.all():
        make_judgment(task, rater)
    for number, task in enumerate(scores.tasks.all()):
        make_judgment(task, other, score=1 + number % 5)
    fake = make_system(slug="fake", backend=System.Backend.FAKE)
    job = queue_generation(system=fake, prompt_set=study.prompt_set)
    declare_rules(study, basic(offers(study)), reason="seen")
    return {
        "rater": rater.pk,
        "rule": study.rules.all()[0].pk,
        "job": job.pk,
        "output": job.outputs.order_by("pk")[0].pk,
        "kept": fit_leaderboard(study).pk,
        "link": open_link(study, cap=1).pk,
    }


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(make_user(username))
    return client


@pytest.mark.parametrize("path", LISTS)
def test_the_lists_open_full_and_empty(places, path):
    assert signed_in("alice").get(path).status_code == 200
    page = signed_in("charlie").get(path)
    assert page.status_code == 200
    assert "Study 1" not in page.content.decode()
    if path != "/":
        answer = Client().get(path)
        assert (answer.status_code, "/accounts/sign-in/" in answer.get("Location", "")) == (
            302,
            True,
        )


@pytest.mark.parametrize("path", OWN)
def test_a_page_is_its_owners(places, path):
    path = path.format(**places)
    assert signed_in("alice").get(path).status_code == 200
    assert signed_in("charlie").get(path).status_code == 404
    assert "/accounts/sign-in/" in Client().get(path)["Location"]


@pytest.mark.parametrize("path", ACTIONS)
def test_only_the_owner_acts_and_only_by_post(places, path):
    path = path.format(**places)
    assert signed_in("charlie").post(path).status_code == 404
    assert "/accounts/sign-in/" in Client().post(path)["Location"]
    if "exclude" not in path:
        assert signed_in("alice").get(path).status_code == 405
    assert signed_in("alice").post(path).status_code in (200, 302)


@pytest.mark.parametrize(
    "path", ["/systems/", "/prompt-sets/", "/jobs/", "/studies/", "/benchmarks/"]
)
def test_a_list_costs_the_same_however_long_it_is(path, django_assert_max_num_queries):
    alice = signed_in("alice")
    for _ in range(12):
        make_study(systems=1, prompts=1)
    with django_assert_max_num_queries(8):
        assert alice.get(path).status_code == 200


def test_a_form_without_a_token_is_refused(places):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("alice"))
    assert client.post("/studies/open/pause/").status_code == 403


def test_the_answers_carry_the_policy_that_forbids_inline_code(client):
    policy = client.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_health_is_open_and_says_little(client):
    assert client.get("/healthz").json() == {"status": "ok"}
