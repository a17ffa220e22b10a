"""Home, the bar, and the pages for what went wrong."""

from __future__ import annotations

import pytest
from django.test import Client

from evalsite.views import HOME_STUDIES
from tests.factories import make_prompt_set, make_study, make_system, make_user
from tests.pages.people import signed_in

pytestmark = pytest.mark.django_db


def test_nobody_reads_what_this_is_and_where_to_sign_in(client):
    make_study(name="Secret study")
    page = client.get("/").content.decode()
    assert "/accounts/sign-in/" in page
    assert "Secret study" not in page
    assert "Sign out" not in page


def test_a_new_researcher_is_led_through_four_steps():
    alice = signed_in()
    page = alice.get("/").content.decode()
    assert page.count("<li>") == 4
    assert ">done<" not in page
    make_system()
    assert alice.get("/").content.decode().count(">done<") == 1
    make_prompt_set()
    assert alice.get("/").content.decode().count(">done<") == 2


def test_the_studies_of_others_are_no_step_of_mine():
    make_study()
    assert signed_in("charlie").get("/").content.decode().count("<li>") == 4


def test_home_shows_the_newest_studies_and_leads_to_the_rest():
    alice = signed_in()
    for number in range(HOME_STUDIES):
        make_study(name=f"Numbered {number}", systems=1, prompts=1)
    assert "All studies" not in alice.get("/").content.decode()
    make_study(name="The newest", systems=1, prompts=1)
    page = alice.get("/").content.decode()
    assert "The newest" in page
    assert "Numbered 0" not in page
    assert "All studies" in page


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/studies/", "Studies"),
        ("/systems/new/", "Systems"),
        ("/prompt-sets/", "Prompt sets"),
        ("/jobs/", "Jobs"),
        ("/benchmarks/", "Benchmarks"),
    ],
)
def test_the_bar_says_where_one_is(path, words):
    page = signed_in().get(path).content.decode()
    assert page.count('aria-current="true"') == 1
    assert f'aria-current="true">{words}</a>' in page


def test_a_page_that_is_not_there_says_so():
    answer = Client().get("/nothing/here/")
    assert answer.status_code == 404
    assert "There is nothing here." in answer.content.decode()


def test_a_stale_form_says_that_nothing_was_stored():
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    answer = client.post("/systems/new/", {"name": "x"})
    assert answer.status_code == 403
    assert "This form is too old." in answer.content.decode()


def test_a_form_that_is_too_large_is_a_plain_page():
    answer = signed_in().post("/prompt-sets/new/", {"name": "x", "lines": "word " * 900_000})
    assert answer.status_code == 400
    assert "Nothing was stored." in answer.content.decode()


def test_what_people_wrote_is_shown_as_text():
    nasty = "<script>alert(1)</script>"
    make_study(name=nasty)
    make_system(name=nasty, notes=nasty)
    make_prompt_set(name=nasty, description=nasty)
    alice = signed_in()
    for path in ("/", "/studies/", "/systems/", "/prompt-sets/", "/studies/new/"):
        page = alice.get(path).content.decode()
        assert nasty not in page
        assert "&lt;script&gt;alert(1)" in page
