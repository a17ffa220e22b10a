"""The researcher's pages for systems, prompt sets, outputs and jobs."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evalsite.lib.exceptions import EvalsiteError
from evalsite.lib.http import UserHttpRequest, render_page
from evalsite.lib.tabular import Row, read_stream
from generation.exceptions import NothingToQueue
from generation.forms import OutputsForm, PromptSetForm, QueueForm, SystemForm
from generation.job_progress import device_of, pace_of, workers_on
from generation.models import Job, Output, Prompt, PromptSet, System
from generation.output_facts import facts_of
from generation.refusals import looks_like_refusal
from generation.services import (
    OUTPUT_OPTIONAL,
    OUTPUT_REQUIRED,
    PROMPT_OPTIONAL,
    PROMPT_REQUIRED,
    cancel_job,
    create_prompt_set,
    create_system,
    import_outputs,
    queue_generation,
    retry_failed,
)

PAGE_SIZE = 50
PROMPTS_SIDE_BY_SIDE = 10


def _page(request: UserHttpRequest, rows: QuerySet[Any], size: int = PAGE_SIZE) -> Page[Any]:
    return Paginator(rows, size).get_page(request.GET.get("page"))


# Systems


@login_required
@require_safe
def system_list(request: UserHttpRequest) -> HttpResponse:
    systems = _page(request, System.objects.owned_by(request.user))
    return render(request, "generation/system_list.html", {"systems": systems})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def system_create(request: UserHttpRequest) -> HttpResponse:
    form = SystemForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            system = create_system(
                owner=request.user,
                settings=form.generation_settings(),
                **{key: data[key] for key in ("name", "backend", "model", "notes")},
            )
        except EvalsiteError as error:
            form.add_error(None, str(error))
        else:
            return redirect("generation:system-detail", system.slug)
    return render(request, "generation/system_form.html", {"form": form})


@login_required
@require_safe
def system_detail(request: UserHttpRequest, slug: str) -> HttpResponse:
    system = get_object_or_404(System.objects.owned_by(request.user), slug=slug)
    context = {
        "system": system,
        "jobs": system.jobs.with_counts().select_related("prompt_set")[:PAGE_SIZE],
        "outputs": system.outputs.done().count(),
    }
    return render(request, "generation/system_detail.html", context)


# Prompt sets


@login_required
@require_safe
def prompt_set_list(request: UserHttpRequest) -> HttpResponse:
    prompt_sets = _page(request, PromptSet.objects.owned_by(request.user).with_sizes())
    return render(request, "generation/prompt_set_list.html", {"prompt_sets": prompt_sets})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def prompt_set_create(request: UserHttpRequest) -> HttpResponse:
    form = PromptSetForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            prompt_set = create_prompt_set(
                owner=request.user,
                name=data["name"],
                description=data["description"],
                rows=_uploaded_prompts(data),
            )
        except EvalsiteError as error:
            form.add_error("file" if data["file"] else "lines", str(error))
        else:
            return redirect("generation:prompt-set-detail", prompt_set.slug)
    return render(request, "generation/prompt_set_form.html", {"form": form})


def _uploaded_prompts(data: dict[str, Any]) -> Any:
    if data["file"]:
        return read_stream(
            data["file"],
            name=data["file"].name,
            required=PROMPT_REQUIRED,
            optional=PROMPT_OPTIONAL,
        )
    lines = enumerate(data["lines"].splitlines(), start=1)
    filled = [(number, line.strip()) for number, line in lines if line.strip()]
    return [
        Row(file="", line=number, values={"id": str(key), "prompt": line})
        for key, (number, line) in enumerate(filled, start=1)
    ]


@login_required
@require_safe
def prompt_set_detail(request: UserHttpRequest, slug: str) -> HttpResponse:
    prompt_set = get_object_or_404(PromptSet.objects.owned_by(request.user), slug=slug)
    return _prompt_set_page(request, prompt_set, QueueForm(owner=request.user), OutputsForm())


def _prompt_set_page(
    request: UserHttpRequest, prompt_set: PromptSet, queue: QueueForm, upload: OutputsForm
) -> HttpResponse:
    context = {
        "prompt_set": prompt_set,
        "prompts": _page(request, prompt_set.prompts.defer("html")),
        "jobs": prompt_set.jobs.with_counts().select_related("system")[:PAGE_SIZE],
        "outputs": Output.objects.done().filter(prompt__prompt_set=prompt_set).count(),
        "queue_form": queue,
        "upload_form": upload,
    }
    return render(request, "generation/prompt_set_detail.html", context)


@login_required
@require_POST
def prompt_set_queue(request: UserHttpRequest, slug: str) -> HttpResponse:
    """Queue one job for each chosen system; those with nothing to do are told."""
    prompt_set = get_object_or_404(PromptSet.objects.owned_by(request.user), slug=slug)
    form = QueueForm(request.POST, owner=request.user)
    if not form.is_valid():
        return _prompt_set_page(request, prompt_set, form, OutputsForm())
    data = form.cleaned_data
    jobs = []
    for system in data["systems"]:
        try:
            job = queue_generation(
                system=system,
                prompt_set=prompt_set,
                samples=data["samples"],
                seed=data["seed"],
            )
        except NothingToQueue as error:
            messages.info(request, f"{system}: {error}")
        else:
            jobs.append(job)
    if len(jobs) == 1:
        return redirect("generation:job-detail", jobs[0].pk)
    if jobs:
        return redirect("generation:job-list")
    return redirect("generation:prompt-set-detail", slug)


@login_required
@require_POST
def prompt_set_upload(request: UserHttpRequest, slug: str) -> HttpResponse:
    """Store outputs that were made elsewhere."""
    prompt_set = get_object_or_404(PromptSet.objects.owned_by(request.user), slug=slug)
    form = OutputsForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        rows = read_stream(file, name=file.name, required=OUTPUT_REQUIRED, optional=OUTPUT_OPTIONAL)
        try:
            count = import_outputs(owner=request.user, prompt_set=prompt_set, rows=rows)
        except EvalsiteError as error:
            form.add_error("file", str(error))
        else:
            messages.info(request, f"{count} outputs are stored.")
            return redirect("generation:prompt-set-detail", slug)
    return _prompt_set_page(request, prompt_set, QueueForm(owner=request.user), form)


@login_required
@require_safe
def output_list(request: UserHttpRequest, slug: str) -> HttpResponse:
    """All systems' outputs for each prompt, next to each other. For researchers: not blinded."""
    prompt_set = get_object_or_404(PromptSet.objects.owned_by(request.user), slug=slug)
    prompts = _page(request, prompt_set.prompts.all(), PROMPTS_SIDE_BY_SIDE)
    outputs = Output.objects.filter(prompt__prompt_set=prompt_set)
    systems = System.objects.filter(pk__in=outputs.order_by().values("system")).order_by("name")
    context = {
        "prompt_set": prompt_set,
        "prompts": prompts,
        "rows": _side_by_side(prompts),
        "facts": facts_of(outputs, systems),
    }
    return render(request, "generation/output_list.html", context)


def _side_by_side(prompts: Page[Prompt]) -> list[dict[str, Any]]:
    """Return each prompt with its outputs; equal texts and refusals are marked."""
    outputs = (
        Output.objects.done()
        .filter(prompt__in=list(prompts))
        .select_related("system")
        .defer("provenance")
        .order_by("system__name", "sample")
    )
    by_prompt: dict[int, list[Output]] = {}
    for output in outputs:
        by_prompt.setdefault(output.prompt_id, []).append(output)
    rows = []
    for prompt in prompts:
        mine = by_prompt.get(prompt.pk, [])
        hashes = [output.text_hash for output in mine]
        cells = [
            {
                "output": output,
                "is_duplicate": hashes.count(output.text_hash) > 1,
                "is_refusal": looks_like_refusal(output.text),
            }
            for output in mine
        ]
        rows.append({"prompt": prompt, "cells": cells})
    return rows


# Jobs


@login_required
@require_safe
def job_list(request: UserHttpRequest) -> HttpResponse:
    jobs = Job.objects.owned_by(request.user).with_counts().select_related("system", "prompt_set")
    return render(request, "generation/job_list.html", {"jobs": _page(request, jobs)})


@login_required
@require_safe
def job_detail(request: UserHttpRequest, pk: int) -> HttpResponse:
    """One job, live: the page asks for its part again while outputs are left to make."""
    jobs = Job.objects.owned_by(request.user).with_counts().select_related("system", "prompt_set")
    job = get_object_or_404(jobs, pk=pk)
    outputs = job.outputs.select_related("prompt").defer("provenance", "html")
    left = job.pending + job.running
    context = {
        "job": job,
        "cancelled": job.total - job.done - job.failed - job.pending - job.running,
        "pace": pace_of(job, left=left),
        "left": left,
        "device": device_of(job),
        "latest": outputs.filter(state=Output.State.DONE).order_by("-finished_at", "-pk")[:3],
        "failed": outputs.filter(state=Output.State.FAILED)[:PAGE_SIZE],
        "workers": workers_on(job),
    }
    return render_page(
        request, "generation/job_detail.html", context, fragment="generation/_job_progress.html"
    )


@login_required
@require_POST
def job_cancel(request: UserHttpRequest, pk: int) -> HttpResponse:
    cancel_job(get_object_or_404(Job.objects.owned_by(request.user), pk=pk))
    return redirect("generation:job-detail", pk)


@login_required
@require_POST
def job_retry(request: UserHttpRequest, pk: int) -> HttpResponse:
    retry_failed(get_object_or_404(Job.objects.owned_by(request.user), pk=pk))
    return redirect("generation:job-detail", pk)
