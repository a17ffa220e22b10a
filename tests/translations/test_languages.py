"""A study is in one language: what stands around the question, and the words of the answers."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.translation import get_language

from annotation.launch import launch_study
from annotation.models import Rater, Study
from annotation.protocols import protocol_of
from annotation.services import create_study
from evalsite.lib.exceptions import InputRefused
from tests.factories import make_prompt_set, make_rater, make_study, make_system, make_user

pytestmark = pytest.mark.django_db


def make_rater_in(language: str, **kwargs) -> Rater:
    return make_rater(launch_study(make_study(language=language, **kwargs)))


def page_of(rater: Rater, name: str) -> str:
    """Come in by the link and read a page."""
    client = Client()
    client.get(f"/r/{rater.invite_token}/")
    client.post(f"/rate/{rater.study.public_id}/instructions/")
    return client.get(f"/rate/{rater.study.public_id}/{name}/").content.decode()


def draft_in(language: str, protocol: str, **kwargs) -> Study:
    alice = make_user("alice-of-drafts")
    return create_study(
        owner=alice,
        name="Draft",
        protocol=protocol,
        prompt_set=make_prompt_set(owner=alice),
        systems=[make_system(owner=alice), make_system(owner=alice)],
        language=language,
        **kwargs,
    )


def test_the_page_and_the_answers_are_in_the_studys_language():
    page = page_of(make_rater_in("de"), "judge")
    assert '<html lang="de" dir="ltr">' in page
    assert "Links ist besser" in page
    assert "Beide schlecht" in page
    assert "Left is better" not in page


def test_a_language_from_right_to_left_turns_the_page():
    page = page_of(make_rater_in("ar"), "judge")
    assert '<html lang="ar" dir="rtl">' in page
    assert "اليسار أفضل" in page


def test_without_a_language_a_study_is_in_english():
    page = page_of(make_rater_in("en"), "judge")
    assert '<html lang="en" dir="ltr">' in page
    assert "Left is better" in page


def test_the_language_ends_with_the_page():
    page_of(make_rater_in("ar"), "judge")
    assert get_language() == "en"


def test_a_refusal_is_in_the_studys_language():
    rater = make_rater_in("fr")
    client = Client()
    client.get(f"/r/{rater.invite_token}/")
    client.post(f"/rate/{rater.study.public_id}/instructions/")
    refused = client.post(f"/rate/{rater.study.public_id}/judge/", {"token": "nonsense"})
    assert refused.status_code == 409
    assert "Cette réponse n&#x27;a pas pu être lue." in refused.content.decode()
    unknown = {"token": "00000000-0000-0000-0000-000000000000", "choice": "left"}
    refused = client.post(f"/rate/{rater.study.public_id}/judge/", unknown)
    assert "elle a été rendue" in refused.content.decode()


def test_a_stranger_reads_the_browsers_language_and_nothing_of_the_study():
    study = launch_study(make_study(language="de"))
    client = Client(headers={"accept-language": "es-MX,es;q=0.9"})
    page = client.get(f"/rate/{study.public_id}/judge/")
    assert page.status_code == 403
    assert "No sabemos quién es usted." in page.content.decode()
    unknown = Client(headers={"accept-language": "tlh"})
    assert b"We do not know who you are." in unknown.get("/r/nonsense/").content


def test_what_a_draft_leaves_out_is_written_in_its_language():
    study = draft_in("es", "pairwise")
    assert study.question == "¿Qué respuesta preferiría recibir?"
    assert study.title == "¿Qué respuesta es mejor?"


def test_a_likert_scale_without_words_gets_those_of_the_language():
    study = draft_in("de", "likert", options={"criteria": ["Der Text ist klar."]})
    (part,) = protocol_of(study).parts(question=study.question, count=1)
    assert [choice.words for choice in part.choices][0::4] == [
        "Stimme gar nicht zu",
        "Stimme ganz zu",
    ]


def test_what_is_stored_is_the_same_in_every_language():
    rater = make_rater_in("ar", prompts=1)
    client = Client()
    client.get(f"/r/{rater.invite_token}/")
    client.post(f"/rate/{rater.study.public_id}/instructions/")
    client.get(f"/rate/{rater.study.public_id}/judge/")
    slot = rater.assignments.get(state="claimed")
    answer = {"token": slot.token, "choice": "left"}
    client.post(f"/rate/{rater.study.public_id}/judge/", answer)
    assert rater.judgments.get().verdict == slot.left


def test_the_language_is_frozen_with_the_study():
    study = launch_study(make_study(language="fr"))
    assert study.plan["language"] == "fr"


def test_an_unknown_language_is_refused():
    with pytest.raises(InputRefused, match="unknown language 'tlh'; expected en or ar or de"):
        draft_in("tlh", "mos")
    assert not Study.objects.exists()
