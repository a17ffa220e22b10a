"""Backends: one file per engine behind one protocol. The only place that may import torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from generation.backends.media import MediaContent
from generation.backends.settings import GenerationSettings, Setting


@dataclass(frozen=True, kw_only=True)
class Registered:
    """Where a backend is, and what people who make a system read."""

    #: Has the class `Backend`, and `OWN_SETTINGS` where it knows settings of its own.
    module: str
    label: str
    needs_model: bool = True
    #: At temperature 0 the prompt alone decides the text: rows that are alike are made once.
    greedy_at_zero: bool = False
    #: How many rows it is given for each that it computes at once: more, where one that has ended
    #: makes room for the next, or where rows of like length are put together.
    rows_per_slot: int = 1


BACKENDS = {
    "transformers": Registered(
        module="generation.backends.transformers",
        label="Transformers, on this server's workers",
        greedy_at_zero=True,
        rows_per_slot=4,
    ),
    "openai_http": Registered(
        module="generation.backends.openai_http",
        label="A server that speaks OpenAI's protocol (vLLM, SGLang, llama.cpp)",
        greedy_at_zero=True,
    ),
    "speech": Registered(
        module="generation.backends.speech",
        label="Speech: flite, espeak-ng, Piper, Kokoro",
    ),
    "fake": Registered(
        module="generation.backends.fake",
        label="Fake, for trying things out",
        needs_model=False,
    ),
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
    """What became of one row: a text or a file, or an error that is this row's alone."""

    key: int
    text: str = ""
    media: MediaContent | None = None
    finish_reason: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    error: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """An engine with one model loaded."""

    #: How many rows it computes at once.
    batch_size: int

    def __init__(self, model: str, *, dtype: str) -> None: ...

    def provenance(self) -> dict[str, Any]:
        """Describe weights, versions and device, for the job's record."""
        ...

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResult | None]:
        """Yield one result for each request, in any order, as soon as it is finished.

        None says that nothing is lost but the rows at hand if it is left here: a worker that is
        asked to stop leaves it. Without any, it finishes what it was given.
        """
        ...


def own_settings(name: str) -> Mapping[str, Setting]:
    """Return the settings that only the named backend knows."""
    if name not in BACKENDS:
        return {}
    own: Mapping[str, Setting] = getattr(import_module(BACKENDS[name].module), "OWN_SETTINGS", {})
    return own


def load_backend(name: str, model: str, *, dtype: str) -> Backend:
    """Load `model` with the named backend; slow, and imports the engine's packages."""
    backend: Backend = import_module(BACKENDS[name].module).Backend(model, dtype=dtype)
    return backend
