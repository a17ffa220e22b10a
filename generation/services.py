"""What people do to systems, prompt sets and jobs. Workers' services are in `leases.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.utils.timezone import now

from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.slugs import free_slug
from evalsite.lib.tabular import Row
from evalsite.lib.text import is_storable
from generation.backends import BACKENDS, own_settings
from generation.backends.settings import parse_settings
from generation.duplicates import link_copies, part_duplicates
from generation.exceptions import NothingToQueue, OutputsAppeared, SystemCannotGenerate
from generation.media_imports import Shelf, media_shelf
from generation.models import Job, Output, Prompt, PromptSet, System, backend_choices
from generation.rows import MAX_SAMPLES, content_hash, output_in, prompt_in

PROMPT_REQUIRED = ("id", "prompt")
PROMPT_OPTIONAL = ("category", "reference", "messages", "media", "reference_media")
OUTPUT_REQUIRED = ("prompt_id", "system")
OUTPUT_OPTIONAL = ("output", "media", "sample")
MAX_SEED = 2**63 - 1
_BATCH = 1000


@write_transaction()
def create_system(
    *,
    owner: User,
    name: str,
    backend: str,
    model: str = "",
    settings: Mapping[str, Any] | None = None,
    notes: str = "",
    slug: str = "",
) -> System:
    """Make a competitor. Raises `InputRefused` for a taken slug or unusable settings."""
    if backend not in (known := [name for name, _ in backend_choices()]):
        raise InputRefused(f"unknown backend {backend!r}", expected="one of " + ", ".join(known))
    if backend in BACKENDS and BACKENDS[backend].needs_model and not model:
        raise InputRefused("no model is named", expected="the name of a model")
    _check_text("name", name)
    _check_text("model", model, limit=300, required=False)
    parsed = parse_settings(settings or {}, own=own_settings(backend))
    return System.objects.create(
        owner=owner,
        name=name,
        slug=free_slug(System.objects.all(), name, slug=slug),
        backend=backend,
        model=model,
        settings={} if backend == System.Backend.IMPORTED else parsed.as_dict(),
        notes=notes,
    )


def create_prompt_set(
    *,
    owner: User,
    name: str,
    rows: Iterable[Row],
    slug: str = "",
    description: str = "",
    folder: Path | None = None,
) -> PromptSet:
    """Make a frozen prompt set from rows; the first bad row refuses all of them.

    `folder` is what the rows' media files are relative to; without one there are none.
    """
    _check_text("name", name)
    with media_shelf(folder) as shelf:
        prompts = _prompts(rows, shelf)
        with write_transaction():
            shelf.save()
            prompt_set = PromptSet.objects.create(
                owner=owner,
                name=name,
                slug=free_slug(PromptSet.objects.all(), name, slug=slug),
                description=description,
                content_hash=content_hash(prompts),
            )
            for prompt in prompts:
                prompt.prompt_set = prompt_set
            Prompt.objects.bulk_create(prompts, batch_size=_BATCH)
    return prompt_set


def _prompts(rows: Iterable[Row], shelf: Shelf) -> list[Prompt]:
    # Read and rendered before the transaction: a large file must not keep other writers waiting.
    prompts: list[Prompt] = []
    lines: dict[str, int] = {}
    for row in rows:
        prompt = prompt_in(row, shelf, position=len(prompts))
        if prompt.key in lines:
            raise row.refuse(
                f"id {prompt.key!r} stands in line {lines[prompt.key]} already",
                expected="distinct ids",
            )
        lines[prompt.key] = row.line
        prompts.append(prompt)
    if not prompts:
        raise InputRefused("there are no prompts", expected="at least one prompt")
    return prompts


def _check_text(what: str, text: str, *, limit: int = 200, required: bool = True) -> None:
    if required and not text.strip():
        raise InputRefused(f"the {what} is empty", expected="a text")
    if len(text) > limit:
        raise InputRefused(f"the {what} has {len(text)} characters", expected=f"at most {limit}")
    if not is_storable(text):
        raise InputRefused(f"the {what} holds bytes that are no text", expected="text in UTF-8")


@write_transaction()
def queue_generation(
    *, system: System, prompt_set: PromptSet, samples: int = 1, seed: int = 0
) -> Job:
    """Put one pending output a prompt and sample into the queue; skip those that exist.

    Greedy rows that would be made twice are linked to one of them. Raises `SystemCannotGenerate`
    and `NothingToQueue`.
    """
    if not system.can_generate:
        raise SystemCannotGenerate
    if not 1 <= samples <= MAX_SAMPLES:
        raise InputRefused(f"samples is {samples}", expected=f"1 to {MAX_SAMPLES}")
    if not 0 <= seed <= MAX_SEED:
        raise InputRefused(f"seed is {seed}", expected=f"0 to {MAX_SEED}")
    _lock([system.pk])
    there = set(
        Output.objects.filter(system=system, prompt__prompt_set=prompt_set).values_list(
            "prompt_id", "sample"
        )
    )
    missing = [
        (prompt_id, position, sample)
        for prompt_id, position in prompt_set.prompts.values_list("pk", "position")
        for sample in range(samples)
        if (prompt_id, sample) not in there
    ]
    if not missing:
        raise NothingToQueue
    job = Job.objects.create(system=system, prompt_set=prompt_set, samples=samples, seed=seed)
    outputs = [
        Output(system=system, prompt_id=prompt_id, sample=sample, job=job, queue_position=position)
        for prompt_id, position, sample in missing
    ]
    firsts, copies = part_duplicates(system, prompt_set, outputs)
    Output.objects.bulk_create(firsts, batch_size=_BATCH)
    # Only now do the rows that they are linked to have keys.
    Output.objects.bulk_create(link_copies(copies), batch_size=_BATCH)
    return job


@write_transaction()
def cancel_job(job: Job) -> int:
    """Take the job's unfinished outputs out of the queue; return how many there were."""
    # A worker that finishes a row holds it and goes on to those that wait for it, by key: in
    # another order the two could wait for each other.
    for outputs in (job.outputs.filter(state=Output.State.RUNNING), job.outputs.unfinished()):
        list(outputs.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    cancelled = job.outputs.unfinished().update(
        state=Output.State.CANCELLED, lease_until=None, worker=""
    )
    if cancelled:
        # A job that was done before the click stays done.
        Job.objects.filter(pk=job.pk, cancelled_at=None).update(cancelled_at=now())
    return cancelled


@write_transaction()
def retry_failed(job: Job) -> int:
    """Put the job's failed and cancelled outputs back into the queue; return how many."""
    Job.objects.filter(pk=job.pk).update(cancelled_at=None)
    return job.outputs.filter(state__in=[Output.State.FAILED, Output.State.CANCELLED]).update(
        state=Output.State.PENDING, attempts=0, error=""
    )


def import_outputs(
    *, owner: User, prompt_set: PromptSet, rows: Iterable[Row], folder: Path | None = None
) -> int:
    """Store outputs that were made elsewhere; the first bad row refuses all of them.

    `system` is a slug or a name of the owner's systems; `folder` is what media files are relative
    to, without one there are none. Returns how many were stored.
    """
    with media_shelf(folder) as shelf:
        outputs = _imported_outputs(owner, prompt_set, rows, shelf)
        with write_transaction():
            _lock(output.system_id for output in outputs)
            if {_key(output) for output in outputs} & _keys(prompt_set):
                raise OutputsAppeared
            shelf.save()
            Output.objects.bulk_create(outputs, batch_size=_BATCH)
    return len(outputs)


def _imported_outputs(
    owner: User, prompt_set: PromptSet, rows: Iterable[Row], shelf: Shelf
) -> list[Output]:
    prompts = {p.key: p for p in prompt_set.prompts.only("pk", "key", "position")}
    systems = _systems_by_name(owner)
    there = _keys(prompt_set)
    # Read and rendered before the transaction: a large file must not keep other writers waiting.
    lines: dict[tuple[int, int, int], int] = {}
    outputs = []
    for row in rows:
        output = output_in(row, prompts, systems, shelf)
        key = _key(output)
        if key in lines or key in there:
            where = f"line {lines[key]}" if key in lines else "the database"
            raise row.refuse(
                f"prompt, system and sample stand in {where} already",
                expected="one output for each",
            )
        lines[key] = row.line
        outputs.append(output)
    return outputs


def _key(output: Output) -> tuple[int, int, int]:
    return output.system_id, output.prompt_id, output.sample


def _keys(prompt_set: PromptSet) -> set[tuple[int, int, int]]:
    outputs = Output.objects.filter(prompt__prompt_set=prompt_set)
    return set(outputs.values_list("system_id", "prompt_id", "sample"))


def _lock(system_ids: Iterable[int]) -> None:
    """Let nobody else add outputs of these systems until the transaction ends."""
    list(System.objects.select_for_update().filter(pk__in=set(system_ids)).order_by("pk"))


def _systems_by_name(owner: User) -> dict[str, System | None]:
    """Map slugs and names to systems; a name that two systems share maps to None."""
    systems: dict[str, System | None] = {}
    for system in System.objects.owned_by(owner):
        systems[system.name] = None if system.name in systems else system
    return systems | {s.slug: s for s in System.objects.owned_by(owner)}
