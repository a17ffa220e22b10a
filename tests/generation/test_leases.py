"""Two workers never share a row, a dead one's rows come back, a late one writes nothing."""

from __future__ import annotations

import gc
import signal
import threading
import time
import weakref
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, transaction
from django.utils.timezone import now

from generation import leases
from generation.backends import BACKENDS, GenerationResult
from generation.exceptions import DeviceLost
from generation.models import Job, Output, Prompt, System
from generation.services import cancel_job, queue_generation, retry_failed
from generation.worker import Worker, seed_key
from tests.factories import make_output, make_prompt_set, make_system
from tests.processes import run_manage, spawn

pytestmark = pytest.mark.django_db


def make_job(*, model: str = "", prompts: int = 4, **kwargs) -> Job:
    system = make_system(backend=System.Backend.FAKE, model=model, **kwargs)
    return queue_generation(system=system, prompt_set=make_prompt_set(prompts=prompts))


def lease(worker: str = "one", limit: int = 2) -> list[Output]:
    return leases.lease_outputs(worker=worker, limit=limit, seconds=60)


def let_leases_run_out() -> None:
    Output.objects.filter(state="running").update(lease_until=now() - timedelta(seconds=1))


def result(output: Output, text: str = "A text.") -> GenerationResult:
    return GenerationResult(key=output.pk, text=text, finish_reason="eos")


def test_two_workers_never_share_a_row():
    make_job()
    one, two = lease("one", 3), lease("two", 3)
    assert (len(one), len(two)) == (3, 1)
    assert not {o.pk for o in one} & {o.pk for o in two}


def test_work_goes_prompt_by_prompt_over_all_systems():
    prompt_set = make_prompt_set(prompts=3)
    for _ in range(2):
        system = make_system(backend=System.Backend.FAKE)
        queue_generation(system=system, prompt_set=prompt_set)
    assert [o.queue_position for o in lease(limit=4)] == [0, 0, 1, 1]


def test_a_batch_holds_one_model_only():
    prompt_set = make_prompt_set(prompts=2)
    for model in ("small", "large"):
        system = make_system(backend=System.Backend.FAKE, model=model)
        queue_generation(system=system, prompt_set=prompt_set)
    assert {o.system.model for o in lease(limit=4)} == {"small"}
    assert {o.system.model for o in lease("two", limit=4)} == {"large"}


def test_a_finished_row_is_whole():
    make_job()
    [output] = lease(limit=1)
    assert leases.finish_output(output, result(output, "Some **bold** text."))
    output.refresh_from_db()
    assert output.state == Output.State.DONE
    assert "<strong>bold</strong>" in output.html
    assert len(output.text_hash) == 64
    assert output.finished_at
    assert output.lease_until is None


def test_a_run_out_lease_goes_to_another_and_the_first_writes_nothing():
    make_job(prompts=1)
    [late] = lease("one")
    let_leases_run_out()
    [taken] = lease("two")
    assert taken.fence == late.fence + 1
    assert not leases.finish_output(late, result(late, "too late"))
    assert not leases.fail_output(late, error="too late")
    assert leases.renew_leases([late], seconds=60) == set()
    assert leases.finish_output(taken, result(taken, "in time"))
    assert Output.objects.get().text == "in time"


def test_renewing_keeps_a_lease():
    make_job(prompts=1)
    [held] = lease()
    let_leases_run_out()
    assert leases.renew_leases([held], seconds=60) == {held.pk}
    assert lease("two") == []


def test_a_row_whose_workers_keep_dying_fails_with_a_reason():
    make_job(prompts=1)
    for _ in range(leases.MAX_ATTEMPTS):
        assert len(lease()) == 1
        let_leases_run_out()
    assert lease() == []
    output = Output.objects.get()
    assert output.state == Output.State.FAILED
    assert "ended 3 times" in output.error


def test_the_last_try_of_a_row_is_its_own():
    make_job(prompts=3)
    for _ in range(leases.MAX_ATTEMPTS - 1):
        assert len(lease(limit=3)) == 3
        let_leases_run_out()
    first, second = lease(limit=3), lease(limit=3)
    assert (len(first), len(second)) == (1, 1)
    assert [leases.finish_output(row, result(row)) for row in (*first, *second)] == [True, True]
    let_leases_run_out()
    assert [len(lease(limit=3)) for _ in range(2)] == [1, 0]


def test_a_last_try_is_not_leased_beside_first_ones():
    make_job(prompts=3)
    for _ in range(leases.MAX_ATTEMPTS - 1):
        lease(limit=1)
        let_leases_run_out()
    # It is the first in the queue; what is behind it comes without it.
    alone = lease(limit=3)
    assert [row.attempts for row in alone] == [leases.MAX_ATTEMPTS]
    assert [row.attempts for row in lease(limit=3)] == [1, 1]


def loses_its_device_at(monkeypatch, words: str) -> list[list[int]]:
    """A prompt with these words ends the backend's device; return the calls, by their rows."""
    from generation.backends import fake

    calls, generate = [], fake.Backend.generate

    def loses(self, requests):
        calls.append([request.key for request in requests])
        if any(words in request.messages[-1]["content"] for request in requests):
            raise DeviceLost("The device was lost: CUDA error: device-side assert triggered")
        yield from generate(self, requests)

    monkeypatch.setattr(fake.Backend, "batch_size", 4)
    monkeypatch.setattr(fake.Backend, "generate", loses)
    return calls


def test_a_row_that_ends_the_device_of_its_workers_fails_alone(monkeypatch):
    calls = loses_its_device_at(monkeypatch, "number 2")
    job = make_job(prompts=4)
    lost = 0
    while Output.objects.unfinished().exists():
        try:
            Worker(batch_size=4).run(drain=True)
        except DeviceLost:
            lost += 1
            let_leases_run_out()
    (failed,) = job.outputs.filter(state="failed")
    assert "number 2" in failed.prompt.text
    assert failed.error == "The device was lost: CUDA error: device-side assert triggered"
    assert job.outputs.done().count() == 3
    assert lost == leases.MAX_ATTEMPTS
    assert [len(call) for call in calls[:2]] == [4, 4]


def test_a_device_that_is_lost_before_a_model_is_there_counts_against_no_row(monkeypatch):
    def refuses(*args, **kwargs):
        raise DeviceLost("The device was lost: CUDA error: no CUDA-capable device is detected")

    monkeypatch.setattr("generation.worker.load_backend", refuses)
    job = make_job(prompts=1)
    with pytest.raises(DeviceLost):
        Worker().run(drain=True)
    assert job.outputs.pending().filter(attempts=0, lease_until=None).count() == 1


def test_the_command_of_a_worker_without_its_device_ends_with_status_1(monkeypatch, capsys):
    loses_its_device_at(monkeypatch, "number 1")
    make_job(prompts=1)
    with pytest.raises(CommandError, match="The device was lost") as ended:
        call_command("run_generation_worker", drain=True)
    assert ended.value.returncode == 1


def test_what_is_given_back_can_be_taken_at_once():
    make_job(prompts=1)
    assert leases.release_outputs(lease()) == 1
    assert len(lease("two")) == 1
    assert Output.objects.get().attempts == 1


def test_a_cancelled_job_hands_out_nothing_until_it_is_tried_again():
    job = make_job(prompts=2)
    lease(limit=1)
    assert cancel_job(job) == 2
    assert lease("two") == []
    assert retry_failed(job) == 2
    assert len(lease("two")) == 2


@pytest.mark.parametrize("column", ["text", "html", "text_hash", "state", "sample"])
def test_a_finished_output_cannot_change(column):
    output = make_output(system=make_system(), prompt=make_prompt_set(prompts=1).prompts.get())
    value = 1 if column == "sample" else "pending"
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Output.objects.filter(pk=output.pk).update(**{column: value})
    before = {column: getattr(output, column)}
    assert Output.objects.filter(pk=output.pk, **before).exists()


def test_what_no_database_stores_is_replaced():
    make_job(prompts=2)
    nul, half = lease()
    assert leases.finish_output(nul, result(nul, "a\x00b"))
    assert leases.finish_output(half, result(half, "a\ud800b"))
    assert list(Output.objects.values_list("text", flat=True)) == ["a\ufffdb"] * 2


def test_a_worker_that_is_asked_to_stop_finishes_its_batch_and_no_more(monkeypatch):
    from generation.backends import fake

    worker, generate = Worker(), fake.Backend.generate

    def stopped_meanwhile(self, requests):
        worker.stop.set()
        yield from generate(self, requests)

    monkeypatch.setattr(fake.Backend, "batch_size", 3)
    monkeypatch.setattr(fake.Backend, "generate", stopped_meanwhile)
    job = make_job(prompts=7)
    assert worker.run(drain=True) == 3
    assert job.outputs.pending().count() == 4
    assert not job.outputs.pending().exclude(attempts=0).exists()


def test_a_worker_that_is_asked_to_stop_leaves_full_slots_after_a_step(monkeypatch):
    from generation.backends import fake

    worker, generate = Worker(), fake.Backend.generate

    def step_by_step(self, requests):
        for result in generate(self, requests):
            yield result
            worker.stop.set()
            yield None

    monkeypatch.setitem(BACKENDS, "fake", replace(BACKENDS["fake"], rows_per_slot=8))
    monkeypatch.setattr(fake.Backend, "generate", step_by_step)
    job = make_job(prompts=8)
    assert worker.run(drain=True) == 1
    assert job.outputs.pending().filter(attempts=0).count() == 7


def test_a_shortage_of_memory_is_remembered_when_a_model_comes_back(monkeypatch):
    from generation.backends import fake

    calls, generate = [], fake.Backend.generate

    def short_of_memory(self, requests):
        calls.append((self.model, len(requests)))
        yield from generate(self, requests)
        if self.model == "large":
            self.batch_size = 2

    monkeypatch.setattr(fake.Backend, "batch_size", 4)
    monkeypatch.setattr(fake.Backend, "generate", short_of_memory)
    worker = Worker()
    for model in ("large", "small", "large"):
        make_job(prompts=4, model=model)
        worker.run(drain=True)
    assert calls == [("large", 4), ("small", 4), ("large", 2), ("large", 2)]


def test_a_model_is_out_of_memory_before_the_next_is_loaded(monkeypatch):
    from generation.backends import load_backend

    loaded = []

    def load(*args, **kwargs):
        assert [model() for model in loaded] == [None] * len(loaded)
        backend = load_backend(*args, **kwargs)
        backend.itself = backend
        loaded.append(weakref.ref(backend))
        return backend

    monkeypatch.setattr("generation.worker.load_backend", load)
    for model in ("large", "small"):
        make_job(prompts=1, model=model)
    gc.disable()
    try:
        assert Worker().run(drain=True) == 2
    finally:
        gc.enable()
    assert len(loaded) == 2


def test_a_model_that_cannot_be_loaded_fails_its_rows_and_no_others():
    prompt_set = make_prompt_set(prompts=2)
    lost = make_system(backend=System.Backend.TRANSFORMERS, model="not-there")
    fine = make_system(backend=System.Backend.FAKE)
    for system in (lost, fine):
        queue_generation(system=system, prompt_set=prompt_set)
    assert Worker().run(drain=True) == 4
    assert fine.outputs.done().count() == 2
    errors = set(lost.outputs.filter(state="failed").values_list("error", flat=True))
    assert errors == {
        "ModelNotFound: The model 'not-there' is not in any folder of EVALSITE_MODEL_ROOTS."
    }


def test_a_heartbeat_outlives_a_failing_database(monkeypatch):
    beats = threading.Semaphore(0)

    def fails(*args, **kwargs):
        beats.release()
        raise OperationalError("gone for a moment")

    monkeypatch.setattr(leases, "renew_leases", fails)
    with Worker(lease_seconds=0.03)._heartbeat({}):
        assert beats.acquire(timeout=30)
        assert beats.acquire(timeout=30)


def test_a_worker_drains_the_queue_and_records_what_made_it():
    job = make_job(prompts=9)
    assert Worker(name="w").run(drain=True) == 9
    job.refresh_from_db()
    assert job.outputs.done().count() == 9
    assert job.provenance["engine"] == "fake"
    assert set(job.outputs.values_list("provenance__worker", flat=True)) == {"w"}


def test_a_bad_row_fails_alone(monkeypatch):
    job = make_job(prompts=3)
    bad = job.outputs.first().prompt
    type(bad).objects.filter(pk=bad.pk).update(text=" ")
    Worker().run(drain=True)
    assert job.outputs.done().count() == 2
    assert job.outputs.get(state="failed").error == "The prompt is empty."


def test_a_batch_that_breaks_is_tried_row_by_row(monkeypatch):
    from generation.backends import fake

    generate = fake.Backend.generate

    def breaks_on_two(self, requests):
        if len(requests) > 1:
            raise RuntimeError("out of something")
        if "number 2" in requests[0].messages[-1]["content"]:
            raise RuntimeError("this row")
        yield from generate(self, requests)

    monkeypatch.setattr(fake.Backend, "batch_size", 3)
    monkeypatch.setattr(fake.Backend, "generate", breaks_on_two)
    job = make_job(prompts=3)
    Worker().run(drain=True)
    assert job.outputs.done().count() == 2
    assert job.outputs.get(state="failed").error == "RuntimeError: this row"


def test_the_same_seed_gives_the_same_texts_and_another_seed_others():
    prompt_set = make_prompt_set(prompts=2)
    texts = []
    for number, seed in enumerate((1, 1, 2)):
        # The same slug, as the random numbers depend on it: the earlier one is renamed.
        system = make_system(backend=System.Backend.FAKE, slug="same")
        queue_generation(system=system, prompt_set=prompt_set, seed=seed)
        Worker().run(drain=True)
        texts.append(list(system.outputs.values_list("text", flat=True)))
        System.objects.filter(pk=system.pk).update(slug=f"was-{number}")
    assert texts[0] == texts[1] != texts[2]


def test_a_rows_random_numbers_depend_on_seed_system_prompt_and_sample_alone():
    def key(seed=1, system="s", prompt="p", sample=0, **elsewhere):
        return seed_key(
            Output(
                job=Job(seed=seed),
                system=System(slug=system),
                prompt=Prompt(key=prompt),
                sample=sample,
                **elsewhere,
            )
        )

    others = key(seed=2), key(system="t"), key(prompt="q"), key(sample=1)
    assert len({key(), *others}) == 5
    assert key(pk=7, queue_position=3, attempts=2, fence=9, worker="w") == key()


def wait_for(condition, *, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_every_row_is_done_once_though_a_worker_is_killed_in_the_middle():
    job = make_job(model="slow", prompts=6)
    victim = spawn("run_generation_worker", "--lease-seconds", "2", "--worker", "victim")
    try:
        wait_for(lambda: job.outputs.done().exists())
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    done_before = dict(job.outputs.done().values_list("pk", "text_hash"))
    assert 0 < len(done_before) < 6
    second = run_manage("run_generation_worker", "--drain", "--worker", "second")
    assert second.returncode == 0, second.stderr
    assert job.outputs.done().count() == 6
    after = dict(job.outputs.values_list("pk", "text_hash"))
    assert {pk: after[pk] for pk in done_before} == done_before
    assert all(fence <= 2 for fence in job.outputs.values_list("fence", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_stopped_worker_gives_its_rows_back():
    job = make_job(model="slow", prompts=6)
    worker = spawn("run_generation_worker")
    try:
        wait_for(lambda: job.outputs.done().exists())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0
    finally:
        worker.kill()
    assert not job.outputs.filter(state="running").exists()
    assert job.outputs.pending().exists()
