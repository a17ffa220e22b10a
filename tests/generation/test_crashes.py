"""`kill -9` and SIGTERM while slots are full: no row is lost, none is made twice."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from generation.backends import load_backend
from generation.models import Job, Output, System
from generation.services import queue_generation
from generation.worker import _request
from tests.factories import make_prompt_set, make_system
from tests.generation.tiny_models import save_model
from tests.processes import spawn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def make_job(
    root, *, prompts: int, max_new_tokens: int, kind: str = "llama", temperature: float = 1.0
) -> Job:
    settings = {"temperature": temperature, "max_new_tokens": max_new_tokens, "dtype": "float32"}
    system = make_system(
        backend=System.Backend.TRANSFORMERS, model=save_model(root, kind), settings=settings
    )
    return queue_generation(system=system, prompt_set=make_prompt_set(prompts=prompts))


def start_worker(root, *arguments: str) -> subprocess.Popen[str]:
    environment = {"EVALSITE_MODEL_ROOTS": str(root)}
    return spawn("run_generation_worker", *arguments, environment=environment)


def wait_for(condition, *, seconds: float = 300.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def test_workers_that_are_killed_at_random_lose_no_row_and_make_none_twice(settings, tmp_path):
    job = make_job(tmp_path, prompts=150, max_new_tokens=60)
    rng = random.Random(5)
    before = killed_after_some_rows(job, tmp_path, seconds=rng.uniform(0, 0.3), done=0)
    # Two: a row that three workers died over would be taken for the cause.
    first = before
    before = killed_after_some_rows(job, tmp_path, seconds=rng.uniform(0, 0.3), done=len(first))
    assert first.items() <= before.items()
    assert 0 < len(before) < 150
    last = start_worker(tmp_path, "--drain")
    assert last.wait(timeout=300) == 0
    after = hashes(job)
    assert before.items() <= after.items()
    assert len(after) == 150
    assert set(job.outputs.values_list("fence", flat=True)) <= {1, 2, 3}
    assert says_what_it_says_undisturbed(job, settings, tmp_path)


def killed_after_some_rows(job: Job, root, *, seconds: float, done: int) -> dict[int, str]:
    """Kill a worker so long after its first row is stored; return what is stored then."""
    victim = start_worker(root, "--lease-seconds", "2")
    try:
        wait_for(lambda: job.outputs.done().count() > done)
        with suppress(subprocess.TimeoutExpired):
            victim.wait(timeout=seconds)
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    return hashes(job)


def hashes(job: Job) -> dict[int, str]:
    return dict(job.outputs.done().values_list("pk", "text_hash"))


def says_what_it_says_undisturbed(job: Job, settings, root) -> bool:
    settings.EVALSITE_MODEL_ROOTS = [root.resolve()]
    backend = load_backend("transformers", job.system.model, dtype="float32")
    outputs = list(job.outputs.select_related("system", "prompt", "job")[:10])
    made = [result for result in backend.generate([_request(o) for o in outputs]) if result]
    return {o.pk: o.text for o in outputs} == {result.key: result.text for result in made}


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_stopped_worker_finishes_its_step_and_gives_its_rows_back(tmp_path, kind):
    job = make_job(tmp_path, prompts=200, max_new_tokens=500, kind=kind)
    worker = start_worker(tmp_path)
    try:
        wait_for(lambda: job.outputs.done().exists())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 0
    finally:
        worker.kill()
    assert not job.outputs.filter(state="running").exists()
    pending = job.outputs.pending()
    assert pending.exists()
    assert not pending.exclude(attempts=0).exists()


def test_twins_in_two_jobs_are_made_once_though_workers_are_killed(tmp_path):
    first = make_job(tmp_path, prompts=100, max_new_tokens=60, temperature=0.0)
    killed_after_some_rows(first, tmp_path, seconds=0.1, done=0)
    second = queue_generation(system=first.system, prompt_set=first.prompt_set, samples=2)
    killed_after_some_rows(first, tmp_path, seconds=0.1, done=first.outputs.done().count())
    assert first.outputs.unfinished().exists()
    workers = [start_worker(tmp_path, "--drain", "--lease-seconds", "2") for _ in range(2)]
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
    assert hashes(first).keys() == {output.pk for output in first.outputs.all()}
    assert len(hashes(second)) == 100
    made = Output.objects.done().filter(copy_of=None)
    assert made.count() == 100
    for copy in second.outputs.select_related("copy_of"):
        assert copy.copy_of.prompt_id == copy.prompt_id
        assert copy.copy_of.text_hash == copy.text_hash
