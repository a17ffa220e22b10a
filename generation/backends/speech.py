"""Text to speech by programs on the worker: flite, espeak-ng, Piper, Kokoro. Sound as wav.

A system's model is `ENGINE:VOICE`, such as `flite:slt`. See `voices.py` for the programs.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from typing import Any

from generation.backends import GenerationRequest, GenerationResult
from generation.backends.media import MediaNotUsable
from generation.backends.voices import find_voice, speak


class Backend:
    """One voice. Rows are spoken one by one: a worker for each core makes use of all."""

    batch_size = 1

    def __init__(self, model: str, *, dtype: str) -> None:
        self.model = model
        self.voice = find_voice(model)

    def provenance(self) -> dict[str, Any]:
        return {
            "engine": f"speech, {self.model.partition(':')[0]}",
            "model": self.model,
            "sampler": "the synthesiser's, without a seed",
            "files": self.voice.files,
            "versions": {"synthesiser": self.voice.version, "python": platform.python_version()},
        }

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResult]:
        for request in requests:
            started = time.perf_counter()
            try:
                media = speak(self.voice, request.messages[-1]["content"])
            except MediaNotUsable as error:
                yield GenerationResult(key=request.key, error=str(error))
                continue
            yield GenerationResult(
                key=request.key,
                media=media,
                finish_reason="eos",
                seconds=time.perf_counter() - started,
            )
