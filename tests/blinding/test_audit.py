"""The audit finds every kind of leak that is planted, and nothing in a clean study."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import connection, connections

from annotation import audit
from annotation.audit import audit_blinding
from annotation.launch import launch_study
from annotation.models import Assignment, Judgment, Rater, Study
from annotation.services import invite_raters
from generation.models import Output, System
from tests.factories import make_study

pytestmark = pytest.mark.django_db


def launched(**kwargs) -> Study:
    study = make_study(consent="We store your answers.", **kwargs)
    System.objects.filter(slug="system-1").update(name="Aurora 7", slug="aurora-seven")
    return launch_study(study)


def leaks(study: Study) -> set[str]:
    return {finding.what for finding in audit_blinding(study) if finding.is_leak}


def test_a_clean_study_has_no_leak_and_no_trace_of_the_audit():
    study = launched()
    assert leaks(study) == set()
    assert not Rater.objects.exists()
    assert not Judgment.objects.exists()
    study.refresh_from_db()
    assert study.state == Study.State.OPEN


@pytest.mark.django_db(transaction=True)
def test_others_write_while_an_audit_goes_on_and_nothing_of_it_stays(monkeypatch):
    study = launched()
    found = audit._Crawl.findings

    def joined_meanwhile(crawl):
        def join() -> None:
            try:
                invite_raters(Study.objects.get(pk=study.pk), count=1)
            finally:
                connections.close_all()

        assert Rater.objects.count() == 1  # the audit's own
        thread = Thread(target=join, daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        yield from found(crawl)

    monkeypatch.setattr(audit._Crawl, "findings", joined_meanwhile)
    assert leaks(study) == set()
    assert Rater.objects.get().name != "Blinding audit"
    assert not Assignment.objects.exclude(state=Assignment.State.OPEN).exists()
    assert not list(Path(str(connection.settings_dict["NAME"])).parent.glob(".copy-*"))


@pytest.mark.parametrize(
    ("field", "words", "what"),
    [
        ("title", "Aurora 7 against the rest", "Aurora 7"),
        ("question", "Is aurora-seven better?", "aurora-seven"),
        ("instructions", "Compare our GPT with theirs.", "gpt"),
        ("consent", "We test Llama models.", "llama"),
    ],
)
def test_a_name_that_the_researcher_wrote_is_found(field, words, what):
    study = launched()
    Study.objects.filter(pk=study.pk).update(**{field: words})
    study.refresh_from_db()
    assert what in leaks(study)


def test_a_header_and_a_cookie_are_looked_at(settings):
    study = launched()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.blinding.middleware.tell_all"]
    assert "Aurora 7" in leaks(study)


@pytest.mark.parametrize(
    "secret",
    [
        lambda study: study.slug,
        lambda study: "aurora-seven",
        lambda study: "aurora 7",
        lambda study: "org/model-of-a-lab",
        lambda study: "Mixtral",
        lambda study: Output.objects.latest("pk").text_hash,
    ],
    ids=["study", "slug", "name", "model", "family", "hash"],
)
def test_a_word_planted_in_a_page_is_found(settings, secret):
    study = launched()
    System.objects.filter(slug="system-2").update(model="org/model-of-a-lab")
    settings.PLANTED = secret(study)
    assert leaks(study) == set()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.blinding.middleware.plant"]
    assert settings.PLANTED.casefold() in {found.casefold() for found in leaks(study)}


def test_what_is_fetched_ahead_is_looked_at(settings):
    study = launched()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.blinding.middleware.tell_ahead"]
    assert "aurora-seven" in leaks(study)


def test_an_output_that_names_itself_is_a_warning_not_a_leak():
    study = make_study()
    first = Output.objects.first()
    Output.objects.filter(pk=first.pk).delete()
    Output.objects.create(
        system=first.system,
        prompt=first.prompt,
        state="done",
        text="As a model made by OpenAI, I cannot. I am ChatGPT.",
        html="<p>As a model made by OpenAI, I cannot. I am ChatGPT.</p>",
        text_hash="x",
    )
    launch_study(study)
    findings = audit_blinding(study)
    assert [f for f in findings if f.is_leak] == []
    assert any("chatgpt" in f.what for f in findings)


def test_the_command_fails_on_a_leak_and_names_it():
    study = launched(title="Aurora 7")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit_blinding", study.slug, stdout=out)
    assert ended.value.code == 1
    assert "LEAK: 'Aurora 7' in the page of /rate/" in out.getvalue()
