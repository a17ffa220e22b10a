"""A job in the terminal: how far it is, how fast, and what can be done about it."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils.timezone import now

from generation.job_progress import device_of, pace_of
from generation.models import Job, Output, System
from generation.services import queue_generation
from tests.factories import make_prompt_set, make_system

pytestmark = pytest.mark.django_db


def make_job(prompts: int = 4) -> Job:
    system = make_system(name="Parrot", backend=System.Backend.FAKE)
    prompt_set = make_prompt_set(name="Questions", prompts=prompts)
    return queue_generation(system=system, prompt_set=prompt_set)


def finish(output: Output, *, seconds_ago: float, tokens: int | None = 60) -> None:
    output.finished_at = now() - timedelta(seconds=seconds_ago)
    output.state, output.text, output.output_tokens = "done", "x", tokens
    output.save()


def watch(job: Job, *args: str) -> str:
    out = StringIO()
    call_command("watch_job", str(job.pk), *args, stdout=out)
    return out.getvalue()


def test_the_pace_is_that_of_the_last_minute():
    job = make_job(prompts=6)
    first, second, third, long_ago, *_ = job.outputs.all()
    for output, seconds in ((first, 30), (second, 20), (third, 10), (long_ago, 600)):
        finish(output, seconds_ago=seconds)
    pace = pace_of(job, left=2)
    assert pace.outputs == 3
    assert pace.tokens == pytest.approx(180 / 30, rel=0.05)
    assert pace.seconds_left == pytest.approx(2 * 30 / 3, rel=0.05)


def test_one_output_says_nothing_of_the_pace():
    job = make_job()
    finish(job.outputs.all()[0], seconds_ago=5)
    pace = pace_of(job, left=3)
    assert (pace.outputs, pace.tokens, pace.seconds_left) == (1, None, None)


def test_sounds_have_a_pace_but_no_tokens():
    job = make_job()
    for number, output in enumerate(job.outputs.all()[:2]):
        finish(output, seconds_ago=10 - number, tokens=None)
    pace = pace_of(job, left=2)
    assert pace.tokens is None
    assert pace.seconds_left == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(
    ("record", "device"),
    [
        ({}, ""),
        ({"cpu": "Xeon"}, "Xeon"),
        ({"cpu": "Xeon", "device": "cpu", "gpus": []}, "cpu"),
        ({"cpu": "Xeon", "gpus": ["H100", "H100"]}, "H100, H100"),
    ],
)
def test_the_device_is_what_the_first_worker_said(record, device):
    assert device_of(Job(provenance=record)) == device


def test_the_terminal_says_how_far_the_job_is():
    job = make_job()
    done, failed, running, _ = job.outputs.all()
    finish(done, seconds_ago=5)
    Output.objects.filter(pk=failed.pk).update(state="failed", error="out of memory")
    Output.objects.filter(pk=running.pk).update(
        state="running", worker="gpu-1", lease_until=now() + timedelta(minutes=1)
    )
    said = watch(job)
    assert "Parrot over Questions: 1 of 4 done, 1 failed, 2 left" in said
    assert "workers: gpu-1" in said
    assert f"failed: {failed.prompt.key}: out of memory" in said


def test_a_job_is_cancelled_and_tried_again_from_the_terminal():
    job = make_job()
    assert "4 outputs cancelled" in watch(job, "--cancel")
    assert set(job.outputs.values_list("state", flat=True)) == {"cancelled"}
    assert "4 outputs queued again" in watch(job, "--retry")
    assert set(job.outputs.values_list("state", flat=True)) == {"pending"}


def test_an_unknown_job_is_one_clear_line(capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("watch_job", "999")
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip() == "unknown job 999; expected the number of a job"
