"""A job's page: live while there is something left to make."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from generation.models import Job, Output, System
from generation.services import queue_generation
from tests.factories import make_prompt_set, make_system
from tests.pages.people import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def make_job(prompts: int = 3) -> Job:
    system = make_system(backend=System.Backend.FAKE)
    return queue_generation(system=system, prompt_set=make_prompt_set(prompts=prompts))


def set_states(job: Job, *states: str) -> None:
    """Give the job's outputs these states, in the order of the queue."""
    for output, state in zip(job.outputs.all(), states, strict=True):
        output.state, output.text = state, f"Text of {output.prompt.key}."
        if state == Output.State.RUNNING:
            output.worker, output.lease_until = "worker-7", now()
        if state == Output.State.DONE:
            output.finished_at = now()
        if state == Output.State.FAILED:
            output.error = "out of memory"
        output.save()


def test_the_page_says_how_far_the_job_is():
    job = make_job(prompts=4)
    set_states(job, "done", "failed", "running", "pending")
    page = signed_in().get(f"/jobs/{job.pk}/")
    text = page.content.decode()
    assert "1 of 4" in text
    assert "worker-7" in text
    assert "out of memory" in text
    assert "Text of p1." in text
    assert "Text of p4." not in text
    assert (page.context["left"], page.context["pace"].outputs) == (2, 1)


def test_htmx_gets_only_the_live_part():
    job = make_job()
    part = signed_in().get(f"/jobs/{job.pk}/", headers=HTMX)
    text = part.content.decode()
    assert text.lstrip().startswith('<div id="job-progress"')
    assert "<html" not in text
    assert "HX-Request" in part["Vary"]


def test_going_back_gets_the_whole_page():
    job = make_job()
    page = signed_in().get(
        f"/jobs/{job.pk}/", headers=HTMX | {"HX-History-Restore-Request": "true"}
    )
    assert "<html" in page.content.decode()


def test_the_page_asks_again_only_while_something_is_left():
    job = make_job(prompts=2)
    alice = signed_in()
    set_states(job, "done", "pending")
    assert "every 2s" in alice.get(f"/jobs/{job.pk}/").content.decode()
    Output.objects.filter(state="pending").update(state="failed")
    assert "every 2s" not in alice.get(f"/jobs/{job.pk}/", headers=HTMX).content.decode()


def test_a_job_without_a_worker_says_how_to_start_one():
    job = make_job(prompts=1)
    alice = signed_in()
    assert "run_generation_worker" in alice.get(f"/jobs/{job.pk}/").content.decode()
    set_states(job, "running")
    assert "run_generation_worker" not in alice.get(f"/jobs/{job.pk}/").content.decode()


def test_cancelling_takes_what_is_left_and_keeps_what_is_done():
    job = make_job()
    set_states(job, "done", "running", "pending")
    page = signed_in().post(f"/jobs/{job.pk}/cancel/", follow=True)
    assert sorted(job.outputs.values_list("state", flat=True)) == ["cancelled", "cancelled", "done"]
    assert page.context["cancelled"] == 2
    assert "Queue the rest again" in page.content.decode()


def test_a_job_that_was_done_is_not_called_cancelled():
    job = make_job(prompts=1)
    set_states(job, "done")
    signed_in().post(f"/jobs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.cancelled_at is None


def test_the_failed_ones_are_tried_again():
    job = make_job(prompts=2)
    set_states(job, "done", "failed")
    page = signed_in().post(f"/jobs/{job.pk}/retry/", follow=True)
    assert page.context["left"] == 1
    assert "out of memory" not in page.content.decode()


def test_the_provenance_is_shown_as_text():
    job = make_job(prompts=1)
    Job.objects.update(provenance={"weights": "sha256:abc", "device": "<b>cpu</b>"})
    text = signed_in().get(f"/jobs/{job.pk}/").content.decode()
    assert "sha256:abc" in text
    assert "<b>cpu</b>" not in text


def test_a_job_page_costs_the_same_at_any_size(django_assert_max_num_queries):
    jobs = [make_job(prompts=3), make_job(prompts=30)]
    for job in jobs:
        set_states(job, *["failed", "done", "pending"] * (job.outputs.count() // 3))
    alice = signed_in()
    for job in jobs:
        with django_assert_max_num_queries(8):
            alice.get(f"/jobs/{job.pk}/")


@pytest.mark.parametrize("pk", ["0", "999999", "9" * 30])
def test_a_job_that_is_not_there(pk):
    assert signed_in().get(f"/jobs/{pk}/").status_code == 404


def test_an_ended_session_leads_the_live_part_to_sign_in(client):
    job = make_job()
    answer = client.get(f"/jobs/{job.pk}/", headers=HTMX)
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == f"/accounts/sign-in/?next=/jobs/{job.pk}/"
    assert "Location" not in answer
    assert answer.content == b""


@pytest.mark.parametrize("jobs", [3, 30])
def test_the_list_costs_the_same_with_more_jobs(jobs, django_assert_max_num_queries):
    for _ in range(jobs):
        make_job(prompts=1)
    alice = signed_in()
    with django_assert_max_num_queries(5):
        page = alice.get("/jobs/")
    assert len(page.context["jobs"]) == jobs
