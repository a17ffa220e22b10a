"""Names that outputs say are found before the launch and can be hidden; outputs stay as made."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation.audit import audit_blinding
from annotation.blinding import blind_task
from annotation.exceptions import StudyNotDraft
from annotation.launch import launch_study
from annotation.models import Study
from annotation.redaction import MARK, redacted, screen_outputs
from annotation.self_naming import names_of
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.markdown import render_markdown
from generation.models import Output, System
from tests.factories import make_output, make_prompt, make_rater, make_study, make_user

TEXT = "I am ChatGPT. **ChatGPT** by OpenAI says `chatgpt`; chatgpts and the class stay."


@pytest.fixture
def study(db) -> Study:
    """A draft of alice's in which one output names itself."""
    study = make_study(prompts=0)
    prompt = make_prompt(prompt_set=study.prompt_set, position=0, text="Who are you?")
    first, second = study.systems.all()
    make_output(system=first, prompt=prompt, text=TEXT, html=render_markdown(TEXT))
    make_output(system=second, prompt=prompt, text="Somebody.", html="<p>Somebody.</p>")
    return study


@pytest.fixture
def alice(study) -> Client:
    client = Client()
    client.force_login(study.owner)
    return client


# The words


def test_a_word_is_hidden_wherever_it_is_read_and_nowhere_else():
    html = redacted('<p class="chatgpt">I am ChatGPT, chatgpt; chatgpts.</p>', ["ChatGPT"])
    assert html == f'<p class="chatgpt">I am {MARK}, {MARK}; chatgpts.</p>'


def test_what_looks_like_a_tag_in_an_attribute_is_no_text():
    html = '<ol start="1>gpt<2"><li>gpt</li></ol>'
    assert redacted(html, ["gpt"]) == f'<ol start="1>gpt<2"><li>{MARK}</li></ol>'


def test_a_longer_name_is_hidden_as_a_whole_and_signs_are_no_patterns():
    assert redacted("<p>GPT-4 (A&amp;B)</p>", ["GPT", "GPT-4"]) == f"<p>{MARK} (A&amp;B)</p>"
    assert redacted("<p>A&amp;B and AxB</p>", ["A&B"]) == f"<p>{MARK} and AxB</p>"
    assert redacted("<p>a.c abc</p>", ["a.c"]) == f"<p>{MARK} abc</p>"


@pytest.mark.parametrize(
    "words", ["gpt", [1], ["x"], ["x" * 61], ["a\x00b"], ["gpt"] * 51, [" a "]]
)
def test_what_is_no_list_of_words_is_refused(study, words):
    with pytest.raises(InputRefused):
        screen_outputs(study, words=words, left_out=[])
    study.refresh_from_db()
    assert study.redact == []


# The study


def test_a_rater_reads_the_mark_and_the_output_stays(study):
    screen_outputs(study, left_out=[], words=["ChatGPT", "OpenAI"])
    launch_study(study)
    rater = make_rater(study)
    client = Client()
    client.get(f"/r/{rater.invite_token}/")
    client.post(f"/rate/{study.public_id}/instructions/")
    page = client.get(f"/rate/{study.public_id}/judge/").content.decode()
    assert page.count(MARK) == 4
    assert "OpenAI" not in page
    assert Output.objects.get(html__contains="OpenAI").text == TEXT


def test_the_words_are_frozen_with_the_study(study):
    screen_outputs(study, left_out=[], words=["openai"])
    launch_study(study)
    assert study.plan["redact"] == ["openai"]
    with pytest.raises(StudyNotDraft):
        screen_outputs(study, left_out=[], words=[])
    study.refresh_from_db()
    assert study.redact == ["openai"]


def test_the_audit_names_only_what_is_still_read(study):
    assert [f.what for f in audit_blinding(launch_study(study))] == ["chatgpt"]


def test_the_audit_is_quiet_about_what_is_hidden(study):
    screen_outputs(study, left_out=[], words=["ChatGPT"])
    assert audit_blinding(launch_study(study)) == []


def test_a_reference_has_the_same_words_hidden(db):
    study = make_study(prompts=0, protocol="dcr")
    prompt = make_prompt(
        prompt_set=study.prompt_set, position=0, text="Q", reference="As ChatGPT says."
    )
    for system in study.systems.all():
        make_output(system=system, prompt=prompt, text="A")
    screen_outputs(study, left_out=[], words=["chatgpt"])
    launch_study(study)
    slot = study.assignments.first()
    assert slot is not None
    assert blind_task(slot).reference == f"<p>As {MARK} says.</p>\n"


# The draft's page


def test_the_draft_lists_who_names_whom_and_offers_to_hide_it(study, alice):
    page = alice.get(f"/studies/{study.slug}/").content.decode()
    assert "Outputs that name a system" in page
    assert 'name="word" value="chatgpt"' in page
    done = alice.post(f"/studies/{study.slug}/screen/", {"word": ["chatgpt"]}, follow=True)
    assert "Hidden from raters: chatgpt." in done.content.decode()
    study.refresh_from_db()
    assert study.redact == ["chatgpt"]
    page = " ".join(alice.get(f"/studies/{study.slug}/").content.decode().split())
    assert 'value="chatgpt" checked' in page
    assert '<span class="tag">hidden</span>' in page


def test_a_draft_without_names_shows_no_list(db):
    study = make_study()
    client = Client()
    client.force_login(study.owner)
    assert b"Outputs that name a system" not in client.get(f"/studies/{study.slug}/").content


def test_after_the_launch_nothing_can_be_hidden(study, alice):
    launch_study(study)
    done = alice.post(f"/studies/{study.slug}/screen/", {"word": ["chatgpt"]}, follow=True)
    assert "frozen then cannot be changed" in done.content.decode()
    study.refresh_from_db()
    assert study.redact == []


def test_a_stranger_hides_nothing(study):
    client = Client()
    path = f"/studies/{study.slug}/screen/"
    assert client.post(path, {"word": ["x"]}).status_code == 302
    client.force_login(make_user("charlie"))
    assert client.post(path, {"word": ["chatgpt"]}).status_code == 404
    study.refresh_from_db()
    assert study.redact == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Aurora 7B", ["Aurora", "Aurora 7B"]),
        ("Aurora-7B-Instruct-v0.2", ["Aurora", "Aurora-7B-Instruct-v0.2"]),
        ("Base camp", ["Base camp"]),
        ("System 1", ["System 1"]),
        ("model-3.5 chat", ["model-3.5 chat"]),
    ],
)
def test_an_output_need_not_say_size_and_version_to_name_itself(name, words):
    system = System(name=name, slug=name.casefold().replace(" ", "-"), model="")
    assert [word for word in names_of([system]) if word != system.slug] == words


def test_a_name_and_its_slug_are_offered_once():
    system = System(name="Cirrus", slug="cirrus", model="")
    assert names_of([system]) == ["Cirrus"]
