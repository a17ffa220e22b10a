"""Workers on a Ray of this machine: two are placed, one is killed, another takes its place."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time

import pytest
from django.core.management import call_command

from generation.models import Output, System
from generation.services import queue_generation
from tests.factories import make_prompt_set, make_system
from tests.processes import spawn


@pytest.fixture
def _ray() -> None:
    if importlib.util.find_spec("ray") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("ray is not installed")
        pytest.skip("ray is not installed: pip install evalsite[ray]")


def wait_for(condition, *, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def workers_at_work() -> set[str]:
    return set(Output.objects.filter(state="running").values_list("worker", flat=True))


def process_of(worker: str) -> int:
    """A worker is named after its host and process."""
    return int(worker.rpartition("-")[2])


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
@pytest.mark.django_db(transaction=True)
def test_every_row_is_made_once_though_one_of_two_workers_is_killed():
    system = make_system(backend=System.Backend.FAKE, model="slow")
    queue_generation(system=system, prompt_set=make_prompt_set(prompts=20))
    options = ["--workers", "2", "--gpus", "0", "--drain", "--lease-seconds", "3"]
    ray = spawn("run_ray_workers", *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: len(workers_at_work()) == 2)
        os.kill(process_of(min(workers_at_work())), signal.SIGKILL)
        said, complained = ray.communicate(timeout=180)
    finally:
        ray.kill()
    assert ray.returncode == 0, complained
    assert "1 workers restarted" in said, complained
    assert "A worker died" in complained
    assert system.outputs.done().count() == 20
    # What the killed one held was taken over, and nothing else was taken twice.
    assert set(Output.objects.values_list("fence", flat=True)) == {1, 2}


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
@pytest.mark.django_db(transaction=True)
def test_asked_to_stop_the_workers_give_their_rows_back():
    system = make_system(backend=System.Backend.FAKE, model="slow")
    queue_generation(system=system, prompt_set=make_prompt_set(prompts=40))
    ray = spawn("run_ray_workers", "--workers", "1", "--gpus", "0", stdout=subprocess.PIPE)
    try:
        wait_for(lambda: system.outputs.done().exists())
        ray.send_signal(signal.SIGTERM)
        said, _ = ray.communicate(timeout=60)
    finally:
        ray.kill()
    assert ray.returncode == 0
    assert "0 workers restarted" in said
    assert not workers_at_work()
    assert system.outputs.pending().exists()


@pytest.mark.usefixtures("_ray")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "--workers is 0; expected 1 to"),
        ({"workers": 1, "gpus": -1}, "--gpus is -1; expected 0 to 64"),
        ({"workers": 1, "gpus": float("nan")}, "--gpus is nan"),
        ({"workers": 1, "lease_seconds": 0}, "--lease-seconds is 0"),
    ],
)
def test_options_that_cannot_work_are_refused(capsys, options, words):
    with pytest.raises(SystemExit) as ended:
        call_command("run_ray_workers", **options)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_without_ray_the_command_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("generation.management.commands.run_ray_workers.find_spec", lambda n: None)
    with pytest.raises(SystemExit):
        call_command("run_ray_workers", workers=1)
    assert "Ray is not installed; expected pip install evalsite[ray]" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
@pytest.mark.django_db(transaction=True)
def test_workers_that_all_die_at_once_end_the_command_with_the_reason():
    broken = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    ray = spawn("run_ray_workers", "--workers", "1", "--gpus", "0", environment=broken,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    try:
        _, complained = ray.communicate(timeout=180)
    finally:
        ray.kill()
    assert ray.returncode == 2, complained
    assert "Workers die as soon as they are placed" in complained.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
@pytest.mark.django_db(transaction=True)
def test_a_cluster_without_gpus_is_refused_before_anything_is_placed():
    ray = spawn("run_ray_workers", "--workers", "1", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        _, complained = ray.communicate(timeout=120)
    finally:
        ray.kill()
    assert ray.returncode == 2, complained
    assert "the cluster has 0 GPUs; expected 1 for a worker" in complained
