"""Sign-in by password or by a one-time link; nothing else lets anybody in."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils.timezone import now

from evalsite.accounts.models import LoginLink
from evalsite.accounts.services import MAX_ATTEMPTS, create_login_link
from tests.factories import make_user
from tests.pages.people import errors, signed_in

pytestmark = pytest.mark.django_db
SIGN_IN = "/accounts/sign-in/"


def try_password(password: str, *, username: str = "alice", **extra) -> object:
    return Client().post(SIGN_IN, {"username": username, "password": password}, **extra)


def is_signed_in(client: Client) -> bool:
    return client.get("/systems/").status_code == 200


def test_the_right_password_leads_to_the_page_that_was_asked_for():
    make_user()
    client = Client()
    asked = client.get("/systems/?page=2")["Location"]
    form = client.get(asked)
    answer = client.post(
        SIGN_IN,
        {"username": "alice", "password": "alice-password", "next": form.context["next"]},
    )
    assert answer["Location"] == "/systems/?page=2"
    assert is_signed_in(client)


def test_a_next_page_on_another_site_is_ignored():
    make_user()
    answer = Client().post(
        SIGN_IN,
        {"username": "alice", "password": "alice-password", "next": "//elsewhere.example/"},
    )
    assert answer["Location"] == "/"


def test_a_wrong_password_is_told_and_signs_nobody_in():
    make_user()
    client = Client()
    page = client.post(SIGN_IN, {"username": "alice", "password": "wrong"})
    assert page.status_code == 200
    assert "correct username and password" in errors(page)["__all__"][0]
    assert not is_signed_in(client)


def test_after_ten_wrong_tries_even_the_right_password_waits():
    make_user()
    for _ in range(MAX_ATTEMPTS):
        try_password("wrong")
    assert errors(try_password("alice-password")) == {
        "__all__": ["Too many tries. Wait a quarter of an hour, then try again."]
    }


def test_the_brake_holds_one_name_at_one_address_and_no_others():
    make_user()
    make_user("bob")
    for _ in range(MAX_ATTEMPTS):
        try_password("wrong", username="ALICE")
    assert try_password("alice-password").status_code == 200
    assert try_password("bob-password", username="bob").status_code == 302
    assert try_password("alice-password", REMOTE_ADDR="192.0.2.7").status_code == 302


def test_nine_wrong_tries_do_not_brake():
    make_user()
    for _ in range(MAX_ATTEMPTS - 1):
        try_password("wrong")
    assert try_password("alice-password").status_code == 302


def test_signing_out_takes_a_post():
    client = signed_in()
    assert client.get("/accounts/sign-out/").status_code == 405
    assert is_signed_in(client)
    assert client.post("/accounts/sign-out/")["Location"] == SIGN_IN
    assert not is_signed_in(client)


@pytest.mark.parametrize("path", ["/accounts/register/", "/accounts/sign-up/", "/register/"])
def test_there_is_no_registration(client, path):
    assert client.get(path).status_code == 404


# One-time links


def link_of(user: User) -> str:
    return f"/accounts/link/{create_login_link(user)}/"


def test_looking_at_a_link_does_not_use_it_up():
    link = link_of(make_user())
    client = Client()
    for _ in range(3):
        page = client.get(link)
        assert page.status_code == 200
        assert "Sign in as alice" in page.content.decode()
    assert not is_signed_in(client)
    assert client.post(link)["Location"] == "/"
    assert is_signed_in(client)


def test_a_link_signs_in_once():
    link = link_of(make_user())
    assert Client().post(link).status_code == 302
    second = Client()
    for answer in (second.post(link), second.get(link)):
        assert answer.status_code == 403
        assert "does not work any more" in answer.content.decode()
    assert not is_signed_in(second)


def test_a_link_ends_after_a_day():
    link = link_of(make_user())
    LoginLink.objects.update(expires_at=now() + timedelta(seconds=30))
    assert Client().get(link).status_code == 200
    LoginLink.objects.update(expires_at=now() - timedelta(seconds=1))
    client = Client()
    assert client.get(link).status_code == 403
    assert client.post(link).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.parametrize("token", ["forged", "%00", "x" * 500, "é"])
def test_a_forged_link_is_a_plain_page_that_says_what_to_do(token):
    client = Client()
    for answer in (client.get(f"/accounts/link/{token}/"), client.post(f"/accounts/link/{token}/")):
        assert answer.status_code == 403
        assert "manage.py login_link" in answer.content.decode()


def test_a_link_of_somebody_who_was_shut_out_is_dead():
    user = make_user()
    link = link_of(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Client().post(link).status_code == 403


def test_only_the_hash_of_a_link_is_stored():
    token = create_login_link(make_user())
    stored = LoginLink.objects.get()
    assert token not in str(vars(stored))
    assert timedelta(hours=23) < stored.expires_at - now() <= timedelta(hours=24)


# Commands


def run(name: str, **options) -> str:
    out = StringIO()
    call_command(name, stdout=out, **options)
    return out.getvalue().strip()


def test_login_link_prints_a_link_that_works(settings):
    settings.EVALSITE_URL = "https://evalsite.example"
    make_user("charlie")
    link = run("login_link", user="charlie")
    assert link.startswith("https://evalsite.example/accounts/link/")
    client = Client()
    assert client.post(urlsplit(link).path).status_code == 302
    assert client.get("/").context["user"].username == "charlie"


def test_login_link_without_a_name_makes_the_first_researcher():
    run("login_link")
    user = User.objects.get()
    assert user.username == "researcher"
    assert not user.has_usable_password()


def test_login_link_prefers_the_superuser():
    make_user("alice")
    make_user("bob", is_superuser=True)
    run("login_link")
    assert LoginLink.objects.get().user.username == "bob"


@pytest.mark.parametrize("command", ["login_link", "create_api_token"])
def test_an_unknown_name_is_one_line_and_exit_2(command, capsys):
    with pytest.raises(SystemExit) as caught:
        call_command(command, user="nobody")
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not User.objects.exists()


def test_create_api_token_prints_a_token_that_the_api_takes(client):
    make_user()
    token = run("create_api_token", user="alice")
    assert client.get("/api/v1/systems/").status_code == 401
    answer = client.get("/api/v1/systems/", headers={"Authorization": f"Token {token}"})
    assert answer.status_code == 200
