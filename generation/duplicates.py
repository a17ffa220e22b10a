"""Greedy rows that would say the same: one is made, the others are linked to it and copied.

At temperature 0 the prompt decides the text, so samples of a prompt, and prompts that are equal,
would only be paid for twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from evalsite.lib.text import sha256
from generation.backends import BACKENDS
from generation.models import Output, PromptSet, System

#: What a copy has of its original.
COPIED = (
    "text", "html", "media_id", "text_hash", "finish_reason", "prompt_tokens", "output_tokens",
    "engine_id", "worker", "finished_at",
)  # fmt: skip

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
    contents = {
        prompt: sha256(json.dumps(messages or text, sort_keys=True))
        for prompt, messages, text in prompt_set.prompts.values_list("pk", "messages", "text")
    }
    originals = _finished(system, contents)
    firsts: list[Output] = []
    copies: Copies = []
    for output in outputs:
        original = originals.setdefault(contents[output.prompt_id], output)
        if original is output:
            firsts.append(output)
        else:
            copies.append((output, original))
    return firsts, copies


def _finished(system: System, contents: Mapping[int, str]) -> dict[str, Output]:
    """Return a row of each content that the system has made already."""
    made = Output.objects.done().filter(
        system=system, prompt__in=contents, engine__isnull=False, copy_of=None
    )
    return {contents[output.prompt_id]: output for output in made}


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
    """Write what was written to a row to those that wait for it, in the same transaction."""
    own = {}
    if values["state"] == Output.State.DONE:
        own = {"seconds": 0.0, "provenance": _provenance(original, values["provenance"])}
    Output.objects.filter(copy_of=original.pk, state=Output.State.PENDING).update(
        **{**values, **own}
    )


def _provenance(original: Output, provenance: Mapping[str, Any]) -> dict[str, Any]:
    # No time was spent on a copy, and a reader of its record finds out why.
    return {**provenance, "copy_of": original.pk}
