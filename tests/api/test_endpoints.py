"""Each endpoint for its owner, a stranger, and nobody."""

from __future__ import annotations

import json

import pytest
from django.core.cache import cache
from knox.models import AuthToken
from rest_framework.test import APIClient

from annotation.launch import launch_study
from annotation.models import Study
from generation.models import Output, PromptSet, System
from tests.factories import (
    make_judgment,
    make_prompt_set,
    make_rater,
    make_study,
    make_system,
    make_user,
)

pytestmark = pytest.mark.django_db
API = "/api/v1/"


def client_of(username: str) -> APIClient:
    _, token = AuthToken.objects.create(user=make_user(username))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


@pytest.fixture
def study() -> Study:
    study = make_study(slug="one", systems=2, prompts=2)
    launch_study(study)
    bob = make_rater(study)
    for task in study.tasks.all():
        make_judgment(task, bob)
    return study


READABLE = [
    "systems/system-1/",
    "prompt-sets/prompts-1/",
    "prompt-sets/prompts-1/prompts/",
    "studies/one/",
    "studies/one/judgments/",
    "studies/one/report/",
    "studies/one/leaderboards/",
]
LISTS = ["systems/", "prompt-sets/", "outputs/", "jobs/", "studies/"]


@pytest.mark.parametrize("path", READABLE)
def test_an_object_is_its_owners(study, path):
    assert client_of("alice").get(API + path).status_code == 200
    assert client_of("charlie").get(API + path).status_code == 404
    assert APIClient().get(API + path).status_code == 401


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_only_what_is_ones_own(study, path):
    assert APIClient().get(API + path).status_code == 401
    assert client_of("charlie").get(API + path).json()["results"] == []
    mine = client_of("alice").get(API + path).json()["results"]
    assert bool(mine) == (path != "jobs/")


def test_a_token_is_stored_as_a_hash():
    row, token = AuthToken.objects.create(user=make_user())
    assert token not in {str(value) for value in vars(row).values()}
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token[:-1]}x")
    assert client.get(API + "systems/").status_code == 401


def test_a_whole_study_is_made_through_the_api():
    alice = client_of("alice")
    for name in ("First", "Second"):
        body = {"name": name, "backend": "imported"}
        assert alice.post(API + "systems/", body, format="json").status_code == 201
    prompts = [{"id": "p1", "prompt": "Say **yes**."}, {"id": "p2", "prompt": "Say no."}]
    body = {"name": "Two", "slug": "two", "prompts": prompts}
    assert alice.post(API + "prompt-sets/", body, format="json").json()["prompts"] == 2
    outputs = [
        {"prompt_id": p["id"], "system": name, "output": f"{name} says {p['id']}"}
        for p in prompts
        for name in ("First", "second")
    ]
    body = {"prompt_set": "two", "outputs": outputs}
    assert alice.post(API + "outputs/", body, format="json").json() == {"stored": 4}
    body = {
        "name": "Which?",
        "protocol": "pairwise",
        "prompt_set": "two",
        "systems": ["first", "second"],
        "judgments_per_task": 2,
    }
    made = alice.post(API + "studies/", body, format="json").json()
    assert (made["slug"], made["state"]) == ("which", "draft")
    launched = alice.post(API + "studies/which/launch/").json()
    assert (launched["state"], launched["tasks"], launched["judgments_wanted"]) == ("open", 2, 4)
    assert alice.post(API + "studies/which/launch/").status_code == 409


def test_a_job_is_queued():
    make_system(slug="fake", backend=System.Backend.FAKE)
    make_prompt_set(slug="three", prompts=3)
    alice, body = client_of("alice"), {"system": "fake", "prompt_set": "three", "seed": 7}
    job = alice.post(API + "jobs/", body, format="json")
    assert (job.status_code, job.json()["total"]) == (201, 3)
    assert alice.get(f"{API}jobs/{job.json()['id']}/").json()["seed"] == 7
    assert client_of("charlie").get(f"{API}jobs/{job.json()['id']}/").status_code == 404
    assert alice.post(API + "jobs/", body, format="json").status_code == 409
    assert client_of("charlie").post(API + "jobs/", body, format="json").status_code == 404


def test_judgments_come_as_lines_and_as_csv(study):
    alice = client_of("alice")
    lines = alice.get(API + "studies/one/judgments/").getvalue().decode().splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["a", "a"]
    text = alice.get(API + "studies/one/judgments/?form=csv").getvalue().decode()
    assert text.startswith("prompt_id,system_a,system_b,verdict,rater")
    assert alice.get(API + "studies/one/judgments/?form=xml").status_code == 400


def test_a_leaderboard_is_kept(study):
    alice = client_of("alice")
    kept = alice.post(API + "studies/one/leaderboards/")
    assert kept.status_code == 201
    assert len(kept.json()["standings"]) == 2
    assert alice.get(API + "studies/one/leaderboards/").json()["results"][0]["judgment_count"] == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("systems/", {"name": 7, "backend": "imported"}),
        ("systems/", {"name": "x", "backend": "imported", "owner": "charlie"}),
        ("systems/", {"name": "nul \x00", "backend": "imported"}),
        ("systems/", {"name": "x", "backend": "fake", "settings": {"temperature": "hot"}}),
        ("prompt-sets/", {"name": "x", "prompts": []}),
        ("prompt-sets/", {"name": "x", "prompts": [{"id": "a", "prompt": "b"}] * 2}),
        ("outputs/", {"prompt_set": "prompts-1", "outputs": [{"prompt_id": "p1"}]}),
        (
            "studies/",
            {"name": "x", "protocol": "pairwise", "prompt_set": "prompts-1", "systems": ["no"]},
        ),
    ],
)
def test_bad_input_is_refused_and_nothing_is_stored(study, path, body):
    before = [model.objects.count() for model in (System, PromptSet, Output, Study)]
    assert client_of("alice").post(API + path, body, format="json").status_code == 400
    assert [model.objects.count() for model in (System, PromptSet, Output, Study)] == before


def test_a_lone_surrogate_is_refused():
    response = client_of("alice").post(
        API + "systems/",
        '{"name": "\\ud800", "backend": "imported"}',
        content_type="application/json",
    )
    assert response.status_code == 400


@pytest.mark.parametrize("query", ["owner__password=x", "ordering=pk", "system__owner=1"])
def test_an_unknown_parameter_is_refused(study, query):
    assert client_of("alice").get(f"{API}outputs/?{query}").status_code == 400


def test_requests_are_braked(study, settings):
    from rest_framework.throttling import UserRateThrottle

    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    alice = client_of("alice")
    before = UserRateThrottle.THROTTLE_RATES
    UserRateThrottle.THROTTLE_RATES = {"user": "2/min"}
    try:
        statuses = [alice.get(API + "systems/").status_code for _ in range(3)]
    finally:
        UserRateThrottle.THROTTLE_RATES = before
    assert statuses == [200, 200, 429]


def test_people_can_read_what_the_api_does(client):
    page = client.get(API + "docs/").content.decode()
    assert "Launch a draft" in page
    assert "/api/v1/studies/{slug}/judgments/" in page
