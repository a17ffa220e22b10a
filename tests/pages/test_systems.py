"""Making a system, and reading what it is."""

from __future__ import annotations

import pytest

from generation.models import System
from generation.services import queue_generation
from tests.factories import make_outputs, make_prompt_set, make_system
from tests.pages.people import errors, signed_in

pytestmark = pytest.mark.django_db
NEW = "/systems/new/"
FILLED = {
    "name": "SmolLM2 at 1.2",
    "backend": "transformers",
    "model": "smollm2-135m-instruct",
    "temperature": "1.2",
    "top_p": "0.9",
    "max_new_tokens": "64",
    "system_prompt": "Be terse.",
    "notes": "Warm.",
}


def test_a_system_is_made_with_its_settings_and_shown():
    alice = signed_in()
    answer = alice.post(NEW, FILLED)
    assert answer["Location"] == "/systems/smollm2-at-12/"
    system = System.objects.get()
    assert system.owner.username == "alice"
    wanted = {
        "temperature": 1.2,
        "top_p": 0.9,
        "max_new_tokens": 64,
        "system_prompt": "Be terse.",
    }
    assert wanted.items() <= system.settings.items()
    page = alice.get(answer["Location"]).content.decode()
    for words in ("1.2", "0.9", "64", "Be terse.", "smollm2-135m-instruct", "Warm."):
        assert words in page


def test_imported_outputs_need_no_more_than_a_name():
    answer = signed_in().post(NEW, {"name": "GPT-4", "backend": "imported"})
    assert answer.status_code == 302
    assert System.objects.get().settings == {}


def test_two_systems_of_one_name_get_two_addresses():
    alice = signed_in()
    for _ in range(2):
        alice.post(NEW, {"name": "Twin", "backend": "imported"})
    assert sorted(System.objects.values_list("slug", flat=True)) == ["twin", "twin-2"]


@pytest.mark.parametrize("name", ["new", "???", "日本語", "New"])
def test_a_name_that_makes_no_address_gets_one(name):
    alice = signed_in()
    answer = alice.post(NEW, {"name": name, "backend": "imported"})
    page = alice.get(answer["Location"])
    assert page.status_code == 200
    assert page.context["system"].name == name


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "required"),
        ("name", "a\x00b", "Null characters"),
        ("name", "x" * 201, "at most 200"),
        ("backend", "cloud", "not one of the available choices"),
        ("temperature", "-1", "greater than or equal to 0"),
        ("temperature", "nan", "Enter a number"),
        ("temperature", "inf", "Enter a number"),
        ("top_p", "0", "greater than or equal to 0.001"),
        ("top_p", "1.5", "less than or equal to 1"),
        ("max_new_tokens", "0", "greater than or equal to 1"),
        ("max_new_tokens", "1e9", "whole number"),
        ("max_new_tokens", "99999999999999999999", "less than or equal to"),
    ],
)
def test_a_field_that_is_wrong_is_told_beside_it(field, value, words):
    page = signed_in().post(NEW, FILLED | {field: value})
    assert page.status_code == 200
    assert list(errors(page)) == [field]
    assert words in errors(page)[field][0]
    assert errors(page)[field][0].split("“")[0][:20] in page.content.decode().replace("&#x27;", "'")
    assert not System.objects.exists()


def test_a_local_model_must_be_named():
    page = signed_in().post(NEW, FILLED | {"model": ""})
    assert "no model is named" in errors(page)["__all__"][0]
    assert not System.objects.exists()


def test_what_was_typed_stays_after_an_error():
    page = signed_in().post(NEW, FILLED | {"temperature": "hot"}).content.decode()
    assert 'value="SmolLM2 at 1.2"' in page
    assert 'value="hot"' in page
    assert 'aria-invalid="true"' in page


def test_the_page_counts_outputs_and_lists_jobs():
    system = make_system(backend=System.Backend.FAKE)
    prompt_set = make_prompt_set(prompts=3)
    make_outputs(prompt_set, [system])
    queue_generation(system=system, prompt_set=make_prompt_set(prompts=5, name="The other five"))
    page = signed_in().get(f"/systems/{system.slug}/")
    assert page.context["outputs"] == 3
    assert "0 of 5" in page.content.decode()
    assert "The other five" in page.content.decode()


def test_the_latest_job_comes_first():
    system = make_system(backend=System.Backend.FAKE)
    jobs = [
        queue_generation(system=system, prompt_set=make_prompt_set(prompts=1)) for _ in range(3)
    ]
    page = signed_in().get(f"/systems/{system.slug}/")
    assert [job.pk for job in page.context["jobs"]] == [job.pk for job in reversed(jobs)]


SERVED = {
    "name": "Served",
    "backend": "openai_http",
    "model": "Qwen3-8B",
    "temperature": "0.7",
    "more": '{"base_url": "http://gpu-1:8000/v1", "top_k": 40}',
}


def test_a_system_behind_a_server_is_made_with_settings_as_json():
    alice = signed_in()
    page = alice.get(alice.post(NEW, SERVED)["Location"]).content.decode()
    assert "http://gpu-1:8000/v1" in page
    settings = System.objects.get().settings
    assert (settings["base_url"], settings["top_k"], settings["temperature"]) == (
        "http://gpu-1:8000/v1",
        40,
        0.7,
    )


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ("{", "more", "valid JSON"),
        ("[1]", "more", "JSON object"),
        ('{"base_url": "ftp://x"}', "__all__", "base_url is 'ftp://x'"),
        ("", "__all__", "base_url is ''"),
        ('{"base_url": "http://h/v1", "api_key_variable": "HOME"}', "__all__", "_API_KEY"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_on_the_page(more, field, words):
    answer = signed_in().post(NEW, {**SERVED, "more": more})
    assert words in errors(answer)[field][0]
    assert not System.objects.exists()
