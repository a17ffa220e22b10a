"""Backends: one file per engine behind one protocol. The only place that may import torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from generation.backends.settings import GenerationSettings

#: Backend name -> the module that has its class `Backend`.
BACKENDS = {
    "transformers": "generation.backends.transformers",
    "fake": "generation.backends.fake",
}


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One row to generate. `seed_key` decides its random numbers, and nothing else does."""

    key: int
    messages: Sequence[dict[str, str]]
    settings: GenerationSettings
    seed_key: bytes


@dataclass(frozen=True, kw_only=True)
class GenerationResult:
    """What became of one row: a text, or an error that is this row's alone."""

    key: int
    text: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    error: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """An engine with one model loaded."""

    #: How many rows it computes at once: what a worker that is asked to stop still finishes.
    batch_size: int

    def __init__(self, model: str, *, dtype: str) -> None: ...

    def provenance(self) -> dict[str, Any]:
        """Describe weights, versions and device, for the job's record."""
        ...

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResult]:
        """Yield one result for each request, in any order, as soon as it is finished."""
        ...


def load_backend(name: str, model: str, *, dtype: str) -> Backend:
    """Load `model` with the named backend; slow, and imports the engine's packages."""
    backend: Backend = import_module(BACKENDS[name]).Backend(model, dtype=dtype)
    return backend
