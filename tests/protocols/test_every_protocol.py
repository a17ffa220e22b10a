"""What holds for every protocol, whatever it asks."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.audit import audit_blinding
from annotation.blinding import blind_task
from annotation.exceptions import StudyNotReady
from annotation.exchange import export_columns, export_records
from annotation.launch import launch_study
from annotation.models import Judgment, Study
from annotation.protocols import PROTOCOLS, protocol_of
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import sha256
from generation.models import System
from tests.factories import make_study
from tests.protocols.rating import KINDS, Rating, launched, some_answer

pytestmark = pytest.mark.django_db
every_kind = pytest.mark.parametrize("kind", list(KINDS))


def test_there_is_a_study_of_every_protocol():
    assert {kind["protocol"] for kind in KINDS.values()} == set(PROTOCOLS)


@every_kind
def test_a_study_is_rated_to_the_end_and_every_task_has_its_target(kind):
    study = launched(kind)
    for name in ("bob", "carol"):
        bob = Rating(study, name)
        for shift in range(study.task_count):
            bob.send(**some_answer(bob.parts, shift))
        assert "Thank you" in bob.text
    assert study.judgments.count() == study.slot_count == 2 * study.task_count
    assert study.task_count == protocol_of(study).task_count(
        systems=study.systems.count(), prompts=study.prompt_set.prompts.count()
    )


@every_kind
def test_every_field_is_on_the_page_and_required(kind):
    bob = Rating(launched(kind))
    for part in bob.parts:
        named = re.findall(rf'<(?:input|button)[^>]*name="{part.name}"[^>]*>', bob.text)
        assert len(named) == (len(part.choices) or 1)
        if not protocol_of(bob.study).is_one_press:
            assert all("required" in field for field in named)


@every_kind
def test_an_answer_is_shown_again_as_it_was_while_it_is_corrected(kind):
    bob = Rating(launched(kind))
    first = some_answer(bob.parts)
    bob.send(**first).undo()
    slot = bob.slot
    judgment = slot.judgments.get()

    task = blind_task(slot, earlier=judgment)
    parts = [*(o.part for o in task.outputs if o.part), *task.parts]
    assert {part.name: part.value for part in parts} == {
        part.name: first[part.name] for part in parts
    }
    assert task.comment == first["comment"]
    assert "keep that answer" in bob.text
    bob.send(**some_answer(bob.parts, 1))
    old, new = Judgment.objects.order_by("pk")
    assert new.supersedes == old
    assert (new.verdict, new.score, new.answer) != (old.verdict, old.score, old.answer)


@every_kind
def test_nothing_is_stored_of_an_answer_that_lacks_something(kind):
    bob = Rating(launched(kind))
    whole = some_answer(bob.parts)
    for part in bob.parts:
        bob.page = bob.client.get(bob.url)
        bob.send(**{**whole, part.name: ""})
        assert bob.page.status_code == 409
        bob.page = bob.client.get(bob.url)
        bob.send(**{**whole, part.name: "nonsense"})
        assert bob.page.status_code == 409
    assert not Judgment.objects.exists()


@every_kind
def test_the_audit_finds_no_leak(kind):
    study = launched(kind)
    System.objects.filter(slug="system-1").update(name="Aurora 7", slug="aurora-seven")
    assert [found for found in audit_blinding(study) if found.is_leak] == []
    assert not Judgment.objects.exists()


@every_kind
def test_the_options_are_frozen_with_the_plan(kind):
    study = launched(kind)
    study.refresh_from_db()
    assert study.plan["options"] == KINDS[kind].get("options", {})
    assert study.plan_hash == sha256(json.dumps(study.plan, sort_keys=True, ensure_ascii=False))


def facts(study: Study) -> list[dict[str, object]]:
    return [
        {name: record.get(name) for name in export_columns(study)}
        for record in export_records(study)
    ]


@every_kind
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_exported_comes_back_the_same(kind, form, tmp_path):
    study = launched(kind)
    bob = Rating(study)
    for shift in range(study.task_count):
        bob.send(**some_answer(bob.parts, shift))
    file = tmp_path / f"out.{form}"
    call_command("export_judgments", study.slug, format=form, output=file)
    call_command("import_judgments", file, study="again", create=True, verbosity=0)
    again = Study.objects.get(slug="again")
    assert again.protocol == study.protocol
    assert protocol_of(again) == protocol_of(study)
    assert facts(again) == facts(study)
    call_command("import_judgments", file, study="again", verbosity=0)
    assert again.judgments.count() == 2 * study.task_count


@every_kind
def test_parquet_holds_every_column(kind, tmp_path):
    from pyarrow.parquet import read_table

    bob = Rating(launched(kind))
    bob.send(**some_answer(bob.parts))
    file = tmp_path / "out.parquet"
    call_command("export_judgments", bob.study.slug, format="parquet", output=file)
    table = read_table(file)
    assert tuple(table.column_names) == export_columns(bob.study)
    assert table.num_rows == 1


@every_kind
def test_an_answer_and_the_next_task_cost_twelve_statements(kind):
    bob = Rating(launched(kind, prompts=8))
    answer = some_answer(bob.parts)
    token = bob.token()
    with CaptureQueriesContext(connection) as caught:
        part = bob.client.post(bob.url, {"token": token, **answer}, headers={"HX-Request": "true"})
    assert 'name="token"' in part.content.decode()
    assert len(caught) <= 12


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
@pytest.mark.parametrize("options", [[], "x", None, {"surprise": 1}, {"criteria": 3}])
def test_options_that_a_protocol_does_not_take_are_refused(protocol, options):
    with pytest.raises(InputRefused, match="expected"):
        PROTOCOLS[protocol].parse(options)


@every_kind
def test_stored_options_read_as_what_they_were(kind):
    protocol = PROTOCOLS[KINDS[kind]["protocol"]].parse(KINDS[kind].get("options", {}))
    stored = json.loads(json.dumps(protocol.stored()))
    assert type(protocol).parse(stored) == protocol


@pytest.mark.parametrize("kind", ["dcr", "mushra"])
def test_a_reference_that_is_missing_keeps_the_study_a_draft(kind):

    study = make_study(**KINDS[kind])
    with pytest.raises(StudyNotReady, match="2 prompts have no reference"):
        launch_study(study)
