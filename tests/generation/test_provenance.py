"""How each output came to be: recorded by itself, never changed, shown to its owner, citable."""

from __future__ import annotations

import json
import re

import pytest
from django.db import IntegrityError, transaction

from generation import leases
from generation.backends import fake
from generation.backends.machine import describe_machine, peak_memory
from generation.backends.media import read_wav
from generation.media import store_media
from generation.models import EngineRecord, Job, Output, System
from generation.provenance import cite_jobs, imported_from
from generation.services import queue_generation
from generation.worker import Worker
from tests.factories import make_output, make_prompt_set, make_system, make_user
from tests.generation.sounds import tone
from tests.pages.people import signed_in

pytestmark = pytest.mark.django_db


def made_job(prompts: int = 2, **kwargs) -> Job:
    system = make_system(backend=System.Backend.FAKE, settings={"temperature": 0.5}, **kwargs)
    job = queue_generation(system=system, prompt_set=make_prompt_set(prompts=prompts), seed=7)
    Worker(name="w").run(drain=True)
    job.refresh_from_db()
    return job


def test_a_job_records_engine_machine_settings_and_seed():
    record = made_job().provenance
    assert record["engine"] == "fake"
    assert record["settings"] == {"temperature": 0.5}
    assert record["seed"] == 7
    assert record["cores"] >= 1
    assert record["cpu"]
    assert {"python", "evalsite"} <= record["versions"].keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["started_at"])


def test_a_row_records_its_batch_attempt_start_and_memory():
    rows = [output.provenance for output in made_job().outputs.all()]
    assert {row["attempt"] for row in rows} == {1}
    assert {row["worker"] for row in rows} == {"w"}
    assert sorted(row["batch"] for row in rows) == ["w-1", "w-2"]
    assert all(row["peak_memory_bytes"] > 10**6 for row in rows)
    assert all(row["started_at"] for row in rows)


def test_workers_that_are_alike_share_an_engine_record_and_others_have_their_own(monkeypatch):
    first = made_job()
    again = made_job()
    [engine] = EngineRecord.objects.all()
    assert set(first.outputs.values_list("engine", flat=True)) == {engine.pk}
    assert set(again.outputs.values_list("engine", flat=True)) == {engine.pk}
    monkeypatch.setattr(fake.Backend, "provenance", lambda self: {"engine": "fake", "dtype": "x"})
    other = made_job().outputs.first().engine
    assert other != engine
    assert other.record["dtype"] == "x"


def test_fewer_slots_after_a_shortage_are_another_engine_record(monkeypatch):
    def provenance(self):
        return {"engine": "fake", "slots": self.batch_size}

    def short_of_memory(self, requests):
        yield from generate(self, requests)
        self.batch_size = 1

    generate = fake.Backend.generate
    monkeypatch.setattr(fake.Backend, "batch_size", 2)
    monkeypatch.setattr(fake.Backend, "provenance", provenance)
    monkeypatch.setattr(fake.Backend, "generate", short_of_memory)
    job = made_job(prompts=4)
    slots = [o.engine.record["slots"] for o in job.outputs.order_by("queue_position")]
    assert slots == [2, 2, 1, 1]


def test_two_machines_on_one_job_are_both_on_record(monkeypatch):
    job = made_job(prompts=1)
    monkeypatch.setattr(fake.Backend, "provenance", lambda self: {"engine": "fake", "device": "B"})
    extra = make_output(
        system=job.system, prompt=job.prompt_set.prompts.get(), sample=1, job=job, state="pending"
    )
    Worker().run(drain=True)
    extra.refresh_from_db()
    assert extra.engine.record["device"] == "B"
    [cited] = cite_jobs(Output.objects.all())
    assert [engine["outputs"] for engine in cited["engines"]] == [1, 1]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("provenance", {"forged": True}),
        ("finish_reason", "length"),
        ("output_tokens", 1),
        ("engine", None),
        ("job", None),
        ("finished_at", None),
    ],
)
def test_the_record_of_a_finished_row_cannot_change(column, value):
    pk = made_job().outputs.first().pk
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Output.objects.filter(pk=pk).update(**{column: value})


@pytest.mark.parametrize(
    ("column", "value"), [("provenance", {}), ("seed", 8), ("samples", 3), ("system", None)]
)
def test_the_record_of_a_job_cannot_change(column, value):
    job = made_job()
    if column == "system":
        value = make_system()
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**{column: value})


def test_an_engine_record_cannot_change():
    made_job()
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        EngineRecord.objects.update(record={})


def test_the_order_of_keys_makes_no_other_record():
    one = leases.record_engine({"a": 1, "b": {"c": "é"}})
    assert leases.record_engine({"b": {"c": "é"}, "a": 1}) == one


def test_a_machine_without_a_gpu_says_so(monkeypatch):
    machine = describe_machine()
    assert machine["gpus"] == []
    assert machine["driver"] is None or machine["driver"]
    assert peak_memory().keys() >= {"peak_memory_bytes"}
    json.dumps(machine)


def test_a_report_can_cite_the_jobs_behind_its_outputs():
    job = made_job()
    other = made_job()
    file = make_output(
        system=make_system(),
        prompt=make_prompt_set(prompts=1).prompts.get(),
        provenance={"imported_from": "gpt.jsonl", "line": 3},
    )
    [cited] = cite_jobs(job.outputs.all())
    assert (cited["job"], cited["seed"], cited["outputs"]) == (job.pk, 7, 2)
    assert cited["output_tokens"] == sum(o.output_tokens for o in job.outputs.all())
    [engine] = cited["engines"]
    assert (engine["engine"], engine["outputs"]) == ("fake", 2)
    assert engine["sha256"] == job.outputs.first().engine.sha256
    json.dumps(cited)
    assert [entry["job"] for entry in cite_jobs(Output.objects.all())] == [job.pk, other.pk]
    assert imported_from(Output.objects.all()) == ["gpt.jsonl"]
    assert cite_jobs(Output.objects.filter(pk=file.pk)) == []


@pytest.mark.model
def test_a_real_models_rows_record_all_that_could_make_them_again():
    system = make_system(
        backend=System.Backend.TRANSFORMERS,
        model="smollm2-135m-instruct",
        settings={"max_new_tokens": 4, "temperature": 0.7, "dtype": "float32"},
    )
    job = queue_generation(system=system, prompt_set=make_prompt_set(prompts=1), seed=3)
    Worker().run(drain=True)
    output = job.outputs.get()
    record = output.engine.record
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= record["files"].keys()
    assert all(len(hash_) == 64 for hash_ in record["files"].values())
    assert len(record["chat_template_sha256"]) == 64
    assert (record["dtype"], record["revision"]) == ("float32", None)
    assert {"torch", "transformers", "tokenizers", "safetensors", "evalsite"} <= set(
        record["versions"]
    )
    assert record["generation_config"]["do_sample"] is False
    assert {"engine", "slots", "attention", "sampler", "device", "driver"} <= record.keys()
    row = output.provenance
    assert len(row["token_ids"]) == output.output_tokens
    assert len(row["prompt_ids_sha256"]) == len(row["seed_key"]) == 64
    assert {"batch", "batch_rows", "attempt", "worker", "started_at"} <= row.keys()


# The page


def test_an_outputs_page_shows_all_that_made_it():
    output = made_job().outputs.first()
    page = signed_in().get(f"/outputs/{output.pk}/").content.decode()
    for words in (output.text, output.text_hash, output.engine.sha256[:12], "peak_memory_bytes"):
        assert words in page
    assert f'href="/jobs/{output.job.pk}/"' in page


def test_a_row_that_failed_or_waits_has_a_page_too():
    system, prompt_set = make_system(), make_prompt_set()
    one, two = prompt_set.prompts.all()
    failed = make_output(
        system=system, prompt=one, state="failed", error="Too <b>long</b>.", text=""
    )
    waiting = make_output(system=system, prompt=two, state="pending", text="")
    alice = signed_in()
    assert "Too &lt;b&gt;long" in alice.get(f"/outputs/{failed.pk}/").content.decode()
    assert alice.get(f"/outputs/{waiting.pk}/").status_code == 200


def make_sound_output() -> Output:
    media = store_media(read_wav(tone()))
    return make_output(
        system=make_system(), prompt=make_prompt_set(prompts=1).prompts.get(), text="", media=media
    )


def test_a_sound_is_played_from_its_page_and_not_from_where_it_is_stored():
    output = make_sound_output()
    alice = signed_in()
    page = alice.get(f"/outputs/{output.pk}/").content.decode()
    assert f'src="/outputs/{output.pk}/media/"' in page
    assert output.media.storage_name not in page
    sound = alice.get(f"/outputs/{output.pk}/media/")
    assert (sound["Content-Type"], b"".join(sound)) == ("audio/wav", tone())
    assert "private" in sound["Cache-Control"]
    assert alice.get(f"/media/{output.media.storage_name}").status_code == 404


def test_a_damaged_sound_is_not_sent(monkeypatch):
    from generation import media

    output = make_sound_output()
    monkeypatch.setattr(media, "_content", lambda name: b"another")
    assert signed_in().get(f"/outputs/{output.pk}/media/").status_code == 404


def test_an_output_without_sound_has_none_to_send():
    output = made_job().outputs.first()
    assert signed_in().get(f"/outputs/{output.pk}/media/").status_code == 404


@pytest.mark.parametrize("path", ["/outputs/{pk}/", "/outputs/{pk}/media/"])
def test_a_stranger_sees_no_output(client, path):
    make_user("charlie")
    path = path.format(pk=make_sound_output().pk)
    assert signed_in("charlie").get(path).status_code == 404
    assert "/accounts/sign-in/" in client.get(path)["Location"]
    assert signed_in().post(path).status_code == 405
