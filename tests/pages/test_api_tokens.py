"""API tokens: shown once, listed by their beginning, revoked by their owner."""

from __future__ import annotations

import pytest
from django.test import Client
from knox.models import AuthToken

from tests.factories import make_user
from tests.pages.people import said, signed_in

pytestmark = pytest.mark.django_db
TOKENS = "/accounts/tokens/"


def answer_to(token: str) -> int:
    return Client().get("/api/v1/systems/", headers={"Authorization": f"Token {token}"}).status_code


def test_a_token_is_shown_once_and_works():
    alice = signed_in()
    page = alice.post(TOKENS)
    token = page.context["new_token"]
    assert token in page.content.decode()
    assert answer_to(token) == 200
    later = alice.get(TOKENS).content.decode()
    assert token not in later
    assert token[:8] in later


def test_a_page_with_a_token_is_not_kept_by_the_browser():
    assert "no-store" in signed_in().post(TOKENS)["Cache-Control"]


def test_a_revoked_token_does_not_work_any_more():
    alice = signed_in()
    token = alice.post(TOKENS).context["new_token"]
    digest = AuthToken.objects.get().digest
    answer = alice.post(f"{TOKENS}{digest}/revoke/", follow=True)
    assert "does not work any more" in answer.content.decode()
    assert answer_to(token) == 401


def test_a_stranger_sees_and_revokes_none():
    row, token = AuthToken.objects.create(user=make_user())
    charlie = signed_in("charlie")
    assert row.token_key not in charlie.get(TOKENS).content.decode()
    assert charlie.post(f"{TOKENS}{row.digest}/revoke/").status_code == 404
    assert answer_to(token) == 200


@pytest.mark.parametrize("digest", ["unknown", "%00", "a/b"])
def test_a_digest_that_is_none_is_not_found(digest):
    assert signed_in().post(f"{TOKENS}{digest}/revoke/").status_code == 404


def test_revoking_takes_a_post():
    row, _token = AuthToken.objects.create(user=make_user())
    assert signed_in().get(f"{TOKENS}{row.digest}/revoke/").status_code == 405


def test_what_is_said_is_said_once():
    alice = signed_in()
    row, _token = AuthToken.objects.create(user=make_user())
    assert said(alice.post(f"{TOKENS}{row.digest}/revoke/")) == "The token does not work any more."
