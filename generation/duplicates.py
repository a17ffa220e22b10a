"""Greedy rows that would say the same: one is made, the others are linked to it and copied.

At temperature 0 the prompt decides the text, so samples of a prompt, and prompts that are equal,
would only be paid for twice. Within a job, copies are linked when they are queued. Twins in several
jobs stay rows of their own until one of them is finished, as a job may be cancelled: while one is
being made, or is ahead in the queue, the others are not leased. Nothing is stored about the wait.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from evalsite.lib.text import sha256
from generation.backends import BACKENDS
from generation.models import Output, PromptSet, System

#: What a copy has of its original.
COPIED = (
    "text", "html", "media_id", "text_hash", "finish_reason", "prompt_tokens", "output_tokens",
    "engine_id", "worker", "finished_at",
)  # fmt: skip

_BATCH = 1000

Copies = list[tuple[Output, Output]]


def is_greedy(system: System) -> bool:
    backend = BACKENDS.get(system.backend)
    return bool(backend and backend.greedy_at_zero) and not system.settings.get("temperature", 0)


def part_duplicates(
    system: System, prompt_set: PromptSet, outputs: list[Output]
) -> tuple[list[Output], Copies]:
    """Part new rows into those to be made, and pairs of a copy with what it is linked to."""
    if not is_greedy(system):
        return outputs, []
    keys = {
        prompt: sha256(json.dumps([system.pk, messages or text], sort_keys=True))
        for prompt, messages, text in prompt_set.prompts.values_list("pk", "messages", "text")
    }
    originals = _finished(list(keys.values()))
    firsts: list[Output] = []
    copies: Copies = []
    for output in outputs:
        output.twin_key = key = keys[output.prompt_id]
        original = originals.setdefault(key, output)
        if original is output:
            firsts.append(output)
        else:
            copies.append((output, original))
    return firsts, copies


def _finished(keys: list[str]) -> dict[str, Output]:
    """Return a row for each of the keys by which one is made already."""
    made = Output.objects.done().filter(copy_of=None)
    starts = range(0, len(keys), _BATCH)
    chunks = (made.filter(twin_key__in=keys[start : start + _BATCH]) for start in starts)
    return {str(output.twin_key): output for found in chunks for output in found}


def without_twins(waiting: QuerySet[Output]) -> QuerySet[Output]:
    """Leave out rows whose twin is being made, or comes before them in the queue.

    The first of twins that nobody holds is always left in, so that none waits for ever.
    """
    twins = Output.objects.unfinished().filter(twin_key=OuterRef("twin_key"), copy_of=None)
    is_held = Q(state=Output.State.RUNNING, lease_until__gte=Now())
    is_ahead = Q(queue_position__lt=OuterRef("queue_position")) | Q(
        queue_position=OuterRef("queue_position"), pk__lt=OuterRef("pk")
    )
    return waiting.filter(~Exists(twins.filter(is_held | is_ahead)))


def link_copies(copies: Copies) -> Iterable[Output]:
    """Link each copy to its row, and finish it where that one is finished."""
    for copy, original in copies:
        copy.copy_of = original
        if original.state == Output.State.DONE:
            copy.state = Output.State.DONE
            for name in COPIED:
                setattr(copy, name, getattr(original, name))
            copy.seconds = 0.0
            copy.provenance = _provenance(original, original.provenance)
        yield copy


def settle_copies(original: Output, values: Mapping[str, Any]) -> None:
    """Write what was written to a row to those that wait for it, in the same transaction.

    A text goes to its twins in other jobs too. A failure does not: they are tried themselves.
    """
    own: dict[str, Any] = {}
    waiting = Q(copy_of=original.pk)
    if values["state"] == Output.State.DONE:
        own = {
            "seconds": 0.0,
            "provenance": _provenance(original, values["provenance"]),
            "copy_of": original.pk,
        }
        if original.twin_key:
            waiting |= Q(twin_key=original.twin_key)
    pending = Output.objects.pending().filter(waiting)
    # Locked in the order in which `cancel_job` locks them.
    keys = list(pending.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    if keys:
        Output.objects.filter(pk__in=keys).update(**{**values, **own})


def _provenance(original: Output, provenance: Mapping[str, Any]) -> dict[str, Any]:
    # No time was spent on a copy, and a reader of its record finds out why.
    return {**provenance, "copy_of": original.pk}
