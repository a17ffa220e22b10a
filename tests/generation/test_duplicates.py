"""Greedy rows that would say the same are made once; the others are linked to it."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from time import sleep

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils.timezone import now

from generation import leases
from generation.backends import BACKENDS, GenerationResult, fake
from generation.models import Job, Output, System
from generation.services import cancel_job, queue_generation, retry_failed
from generation.worker import Worker
from tests.factories import make_prompt, make_prompt_set, make_system

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _transformers_at_once(monkeypatch):
    """What the real backend is registered as, without its model."""
    registered = BACKENDS["transformers"]
    assert registered.greedy_at_zero
    monkeypatch.setitem(
        BACKENDS, "transformers", type(registered)(**{**vars(registered), "module": fake.__name__})
    )


def greedy(**settings) -> System:
    return make_system(backend=System.Backend.TRANSFORMERS, model="m", settings=settings)


def queue(system: System, *, samples: int = 3, prompts: int = 2, **kwargs) -> Job:
    prompt_set = kwargs.pop("prompt_set", None) or make_prompt_set(prompts=prompts)
    return queue_generation(system=system, prompt_set=prompt_set, samples=samples, **kwargs)


def lease(limit: int = 9) -> list[Output]:
    return leases.lease_outputs(worker="w", limit=limit, seconds=60)


def test_samples_of_a_greedy_prompt_are_made_once_and_linked():
    job = queue(greedy(), samples=3, prompts=2)
    assert Worker().run(drain=True) == 2
    assert job.outputs.done().count() == 6
    for prompt in job.prompt_set.prompts.all():
        first, *copies = job.outputs.filter(prompt=prompt).order_by("sample")
        assert {copy.copy_of_id for copy in copies} == {first.pk}
        assert {copy.text_hash for copy in copies} == {first.text_hash}
        assert {copy.engine_id for copy in copies} == {first.engine_id}
        assert copies[0].provenance == {**first.provenance, "copy_of": first.pk}
        assert (copies[0].seconds, copies[0].fence) == (0.0, 0)


def test_equal_prompts_are_made_once_and_equal_texts_with_other_turns_are_not():
    prompt_set = make_prompt_set(prompts=0)
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    for position, messages in enumerate((None, None, turns)):
        make_prompt(prompt_set=prompt_set, position=position, text="Hello", messages=messages)
    job = queue(greedy(), samples=1, prompt_set=prompt_set)
    links = job.outputs.order_by("queue_position").values_list("copy_of", flat=True)
    assert list(links) == [None, job.outputs.order_by("pk").first().pk, None]


@pytest.mark.parametrize("settings", [{"temperature": 0.7}])
def test_samples_that_are_drawn_are_all_made(settings):
    job = queue(greedy(**settings), samples=3, prompts=2)
    assert not job.outputs.exclude(copy_of=None).exists()
    assert Worker().run(drain=True) == 6


def test_what_is_made_already_is_copied_at_once():
    system, prompt_set = greedy(), make_prompt_set(prompts=2)
    queue(system, samples=1, prompt_set=prompt_set)
    Worker().run(drain=True)
    later = queue(system, samples=2, prompt_set=prompt_set)
    assert later.outputs.done().count() == 2
    first = system.outputs.get(sample=0, queue_position=0)
    copy = system.outputs.get(sample=1, queue_position=0)
    assert (copy.copy_of, copy.text, copy.html) == (first, first.text, first.html)
    assert copy.text


def test_a_copy_waits_and_is_never_leased():
    queue(greedy(), samples=3, prompts=1)
    [original] = lease()
    assert original.copy_of is None
    assert lease() == []
    leases.release_outputs([original])
    assert [output.pk for output in lease()] == [original.pk]


def test_copies_fail_with_their_row_and_are_tried_again_with_it():
    job = queue(greedy(), samples=2, prompts=1)
    [original] = lease()
    leases.fail_output(original, error="Too long.")
    assert set(job.outputs.values_list("state", "error")) == {("failed", "Too long.")}
    assert retry_failed(job) == 2
    assert Worker().run(drain=True) == 1
    assert job.outputs.done().count() == 2


def test_copies_of_a_row_whose_workers_keep_dying_fail_with_it():
    job = queue(greedy(), samples=2, prompts=1)
    for _ in range(leases.MAX_ATTEMPTS):
        assert len(lease()) == 1
        Output.objects.filter(state="running").update(lease_until=now() - timedelta(seconds=1))
    assert lease() == []
    assert job.outputs.filter(state="failed", error__contains="ended 3 times").count() == 2


def test_a_cancelled_job_takes_its_copies_along():
    job = queue(greedy(), samples=2, prompts=1)
    [original] = lease()
    assert cancel_job(job) == 2
    assert not leases.finish_output(original, GenerationResult(key=original.pk, text="late"))
    assert not job.outputs.done().exists()
    retry_failed(job)
    assert Worker().run(drain=True) == 1
    assert job.outputs.done().count() == 2


def test_a_worker_that_lost_its_lease_gives_its_copies_nothing():
    job = queue(greedy(), samples=2, prompts=1)
    [late] = lease()
    Output.objects.filter(state="running").update(lease_until=now() - timedelta(seconds=1))
    [taken] = lease()
    assert not leases.finish_output(late, GenerationResult(key=late.pk, text="late"))
    assert job.outputs.filter(state="pending").count() == 1
    assert leases.finish_output(taken, GenerationResult(key=taken.pk, text="in time"))
    assert set(job.outputs.values_list("text", flat=True)) == {"in time"}


def test_a_finished_copy_keeps_its_link():
    job = queue(greedy(), samples=2, prompts=1)
    Worker().run(drain=True)
    copy = job.outputs.get(sample=1)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Output.objects.filter(pk=copy.pk).update(copy_of=None)


# Twins in several jobs


def twins(*, prompts: int = 1) -> tuple[Job, Job]:
    """Two jobs of one system that ask the same, none of which has begun."""
    system, prompt_set = greedy(), make_prompt_set(prompts=prompts)
    first = queue(system, samples=1, prompt_set=prompt_set)
    return first, queue(system, samples=2, prompt_set=prompt_set)


def test_a_twin_in_another_job_waits_and_is_linked_when_it_is_made():
    first, second = twins()
    [made] = lease()
    assert made.job == first
    assert lease() == []
    assert leases.finish_output(made, GenerationResult(key=made.pk, text="Said."))
    twin = second.outputs.get()
    assert (twin.state, twin.text, twin.copy_of, twin.fence) == ("done", "Said.", made, 0)
    assert twin.provenance["copy_of"] == made.pk
    assert Worker().run(drain=True) == 0


def test_equal_prompts_of_other_sets_are_twins_and_bring_their_own_copies_along():
    system = greedy()
    queue(system, samples=1, prompts=2)
    second = queue(system, samples=3, prompts=2)
    assert Worker().run(drain=True) == 2
    assert second.outputs.done().count() == 6
    assert set(second.outputs.values_list("copy_of__job", flat=True)) == {
        Job.objects.earliest("pk").pk
    }
    third = queue(system, samples=1, prompts=2)
    assert third.outputs.done().count() == 2


def test_a_twin_that_comes_first_waits_for_one_that_is_being_made():
    system, late = greedy(), make_prompt_set(prompts=0)
    make_prompt(prompt_set=late, position=7, text="Hello")
    queue(system, samples=1, prompt_set=late)
    [made] = lease()
    early = make_prompt_set(prompts=0)
    make_prompt(prompt_set=early, position=0, text="Hello")
    queue(system, samples=1, prompt_set=early)
    assert lease() == []
    leases.release_outputs([made])
    assert [output.queue_position for output in lease()] == [0]
    assert lease() == []


@pytest.mark.parametrize("settings", [{"temperature": 0.7}, {}])
def test_other_systems_and_drawn_rows_have_no_twins(settings):
    prompt_set = make_prompt_set(prompts=1)
    for system in (greedy(**settings), greedy(**settings)):
        queue(system, samples=1, prompt_set=prompt_set)
    assert len(lease()) == 2


def test_a_row_whose_twin_failed_is_tried_itself():
    first, second = twins()
    [made] = lease()
    leases.fail_output(made, error="Too long.")
    assert second.outputs.get().state == "pending"
    assert [output.job for output in lease()] == [second]
    assert first.outputs.get().error == "Too long."


def test_a_row_whose_twin_was_cancelled_is_made_itself():
    first, second = twins()
    [made] = lease()
    cancel_job(first)
    assert not leases.finish_output(made, GenerationResult(key=made.pk, text="late"))
    assert Worker().run(drain=True) == 1
    assert second.outputs.get().copy_of is None
    assert first.outputs.get().state == "cancelled"


def test_a_cancelled_twin_gets_nothing():
    _, second = twins()
    [made] = lease()
    cancel_job(second)
    leases.finish_output(made, GenerationResult(key=made.pk, text="Said."))
    assert second.outputs.get().state == "cancelled"


def test_of_twins_whose_worker_died_one_is_leased_again():
    twins()
    for _ in range(leases.MAX_ATTEMPTS - 1):
        [made] = lease()
        Output.objects.filter(state="running").update(lease_until=now() - timedelta(seconds=1))
    [again] = lease()
    assert again == made
    Output.objects.filter(state="running").update(lease_until=now() - timedelta(seconds=1))
    # Taken for the cause; its twin has its own three tries.
    assert [output.job_id for output in lease()] == [made.job_id + 1]


def test_twins_that_wait_do_not_hide_what_stands_behind_them():
    system, prompt_set = greedy(), make_prompt_set(prompts=6)
    queue(system, samples=1, prompt_set=prompt_set)
    queue(system, samples=2, prompt_set=prompt_set)
    leased = [output for _ in range(6) for output in lease(limit=1)]
    assert [output.queue_position for output in leased] == [0, 1, 2, 3, 4, 5]
    assert lease(limit=1) == []


def test_an_output_that_is_finished_stays_immutable_with_its_twins():
    first, _ = twins()
    Worker().run(drain=True)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        first.outputs.update(text="forged")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_job_is_cancelled_while_a_worker_goes_from_a_row_to_its_twin():
    """The twin stands first, by key, in the queue and in the table: whoever does not mind the
    order meets it first."""
    first, second = twins()
    Output.objects.filter(job=first).update(queue_position=2)
    (row,) = lease()
    twin = first.outputs.get()
    assert (row.job_id, twin.pk < row.pk) == (second.pk, True)
    Output.objects.filter(pk=twin.pk).update(job=second, queue_position=0)
    Output.objects.filter(pk=row.pk).update(queue_position=3)
    cancelled: list[int] = []

    def cancel() -> None:
        try:
            cancelled.append(cancel_job(second))
        finally:
            connections.close_all()

    thread = Thread(target=cancel)
    with transaction.atomic():
        Output.objects.select_for_update().get(pk=row.pk)
        thread.start()
        wait_for_a_lock()
        assert leases.finish_output(row, GenerationResult(key=row.pk, text="Done."))
    thread.join(30)
    assert cancelled == [0]
    assert second.outputs.done().count() == 2


def wait_for_a_lock() -> None:
    """Return once another connection waits for one that this holds."""
    with connection.cursor() as cursor:
        for _ in range(1000):
            # By who holds it: tests in other processes wait for locks of their own.
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone() != (0,):
                return
            sleep(0.01)
    raise AssertionError("nobody waits")
