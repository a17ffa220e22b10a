"""Many threads and processes at one queue: every row is made once, by one of them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from generation import leases
from generation.exceptions import NothingToQueue
from generation.models import Output, System
from generation.services import queue_generation
from tests.factories import make_prompt_set, make_system
from tests.processes import ROOT, database_url, run_manage, spawn

pytestmark = pytest.mark.django_db(transaction=True)


def queue(prompts: int, model: str = "") -> System:
    system = make_system(backend=System.Backend.FAKE, model=model)
    queue_generation(system=system, prompt_set=make_prompt_set(prompts=prompts))
    return system


def at_once(function, times: int) -> list[Any]:
    """Run `function(number)` in threads that start together; return what they returned."""
    barrier = Barrier(times)

    def run(number: int):
        barrier.wait()
        try:
            return function(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def test_threads_that_lease_at_once_share_no_row():
    queue(40)

    def lease_three_times(number: int) -> list[int]:
        name = f"worker-{number}"
        return [
            output.pk
            for _ in range(3)
            for output in leases.lease_outputs(worker=name, limit=2, seconds=60)
        ]

    taken = [pk for pks in at_once(lease_three_times, 6) for pk in pks]
    assert len(taken) == len(set(taken)) > 0
    assert set(Output.objects.filter(state="running").values_list("pk", flat=True)) == set(taken)
    assert not Output.objects.filter(fence__gt=1).exists()


def test_two_clicks_at_once_queue_each_output_once():
    system = make_system(backend=System.Backend.FAKE)
    prompt_set = make_prompt_set(prompts=20)

    def click(_: int) -> bool:
        try:
            return bool(queue_generation(system=system, prompt_set=prompt_set))
        except NothingToQueue:
            return False

    assert sorted(at_once(click, 4)) == [False, False, False, True]
    assert system.outputs.count() == 20


def test_two_processes_drain_one_queue_and_make_each_row_once():
    system = queue(60)
    workers = [
        spawn("run_generation_worker", "--drain", "--worker", name, stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum(int(line.split()[0]) for line in said) == 60
    assert system.outputs.done().filter(fence=1, attempts=1).count() == 60


def test_a_heartbeat_keeps_a_batch_that_outlasts_its_lease():
    system = queue(4, model="slow")
    slow = spawn("run_generation_worker", "--drain", "--lease-seconds", "1.5", "--worker", "slow")
    try:
        other = run_manage("run_generation_worker", "--drain", "--worker", "other")
        assert slow.wait(timeout=60) == 0
    finally:
        slow.kill()
    assert other.returncode == 0, other.stderr
    assert system.outputs.done().filter(fence=1).count() == 4
    assert len(set(system.outputs.values_list("worker", flat=True))) == 1


def test_a_worker_loads_no_model_library_until_there_is_work_for_it(settings):
    queue(2)
    code = (
        "import django, sys; django.setup(); from generation.worker import Worker;"
        "print(Worker().run(drain=True), {'torch', 'transformers'} & set(sys.modules))"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "evalsite.settings",
        "DATABASE_URL": database_url(),
        "EVALSITE_DATA": str(settings.DATA_DIR),
        "EVALSITE_SECRET_KEY": settings.SECRET_KEY,
    }
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "2 set()", ran.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "--batch-size is 0; expected 1 to"),
        ({"batch_size": -1}, "--batch-size is -1; expected 1 to"),
        ({"lease_seconds": 0}, "--lease-seconds is 0; expected 1 to"),
        ({"lease_seconds": float("nan")}, "--lease-seconds is nan; expected 1 to"),
        ({"worker": "w" * 101}, "--worker has 101 characters"),
    ],
)
def test_a_worker_refuses_options_that_cannot_work(capsys, options, words):
    with pytest.raises(SystemExit) as ended:
        call_command("run_generation_worker", drain=True, **options)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
