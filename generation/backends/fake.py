"""Seeded texts at once, without a model: for trying things out, and for tests.

The model `slow` takes a second a row, so that progress and crashes can be watched.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from generation.backends import GenerationRequest, GenerationResult

WORDS = re.findall(
    r"\w+",
    "the a small bright river carries light over stones while people walk home and talk about "
    "bread rain music maps and letters that nobody has answered yet",
)


class Backend:
    #: Many rows cost nothing, but a slow one should be the last that a stopped worker makes.
    batch_size = 1

    def __init__(self, model: str, *, dtype: str) -> None:
        self.model = model

    def provenance(self) -> dict[str, Any]:
        return {"engine": "fake", "model": self.model}

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResult]:
        for request in requests:
            prompt = request.messages[-1]["content"]
            if not prompt.strip():
                yield GenerationResult(key=request.key, error="The prompt is empty.")
                continue
            if self.model == "slow":
                time.sleep(1)
            rng = random.Random(request.seed_key)  # noqa: S311 - texts, not secrets
            words = rng.choices(WORDS, k=min(rng.randint(20, 60), request.settings.max_new_tokens))
            yield GenerationResult(
                key=request.key,
                text=" ".join(words).capitalize() + ".",
                finish_reason="eos",
                prompt_tokens=len(prompt.split()),
                output_tokens=len(words),
                seconds=0.0,
            )
