"""What went wrong, told to raters in their study's language, with the way back."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings
from django.urls import path

from annotation.launch import launch_study
from annotation.services import invite_raters
from evalsite.urls import urlpatterns as site_urls
from tests.annotation.people import HTMX, enter, path_of, token_on
from tests.factories import make_study

pytestmark = pytest.mark.django_db


def _break(request):
    raise ZeroDivisionError


urlpatterns = [path("rate/any/break/", _break), path("break/", _break), *site_urls]
handler500 = "evalsite.errors.server_error"


@pytest.fixture
def bob():
    study = make_study(language="de")
    launch_study(study)
    (rater,) = invite_raters(study, count=1)
    return rater


def test_an_address_that_leads_nowhere_shows_a_rater_the_way_back(bob):
    answer = enter(bob).get(path_of(bob, "nothing"))
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "Hier ist nichts." in page
    assert f'href="{path_of(bob)}"' in page
    assert "Sign in" not in page


def test_of_a_study_that_is_not_theirs_a_stranger_learns_nothing_from_an_error(bob):
    answer = Client().get(path_of(bob, "nothing"))
    assert answer.status_code == 404
    assert "We do not know who you are." in answer.content.decode()
    assert bob.study.title not in answer.content.decode()


def _answer_without_mark(bob, **more):
    client = enter(bob)
    token = token_on(client.get(path_of(bob, "judge")))
    client.handler.enforce_csrf_checks = True
    return client.post(path_of(bob, "judge"), {"token": token, "choice": "tie"}, **more)


def test_a_form_of_long_ago_says_that_nothing_was_stored(bob):
    answer = _answer_without_mark(bob)
    assert answer.status_code == 403
    assert "Diese Antwort wurde nicht gespeichert." in answer.content.decode()
    assert f'href="{path_of(bob)}"' in answer.content.decode()
    assert not bob.study.judgments.exists()


def test_a_page_of_long_ago_is_loaded_again_where_a_press_would_do_nothing(bob):
    answer = _answer_without_mark(bob, headers=HTMX)
    assert answer["HX-Redirect"] == path_of(bob)
    assert not bob.study.judgments.exists()


def test_a_form_of_long_ago_tells_a_stranger_of_the_link_and_of_cookies(bob):
    answer = Client(enforce_csrf_checks=True).post(path_of(bob, "judge"), {"choice": "tie"})
    assert answer.status_code == 403
    assert "must keep this page's cookies" in answer.content.decode()


def test_an_answer_that_is_too_large_is_refused_in_the_raters_words(bob):
    fields = {f"field_{number}": "" for number in range(1500)}
    answer = enter(bob).post(path_of(bob, "judge"), fields)
    assert answer.status_code == 400
    assert "Diese Antwort war nicht zu lesen." in answer.content.decode()


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/break/", "Something broke on our side."),
        ("/rate/any/break/", "حدث خلل من جانبنا."),
    ],
)
def test_what_breaks_says_so_in_the_language_of_the_one_who_reads(
    address, words, django_assert_num_queries
):
    client = Client(raise_request_exception=False, headers={"Accept-Language": "ar"})
    with django_assert_num_queries(0):
        answer = client.get(address)
    assert answer.status_code == 500
    assert words in answer.content.decode()
    assert 'href="/static/evalsite/site.css"' in answer.content.decode()
