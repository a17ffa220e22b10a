"""Batches that are not refilled, by transformers' `generate`: for models that cannot refill slots.

Encoder-decoder models, sliding or linear attention with a state of its own, and the like.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

from generation.backends.rows import Endings, Row
from generation.backends.sampling import choose_tokens
from generation.backends.steps import Steps

Tokens = list[list[int]]


class StaticEngine:
    """A model that makes up to `slots` rows at once, none before the last of them has ended."""

    def __init__(self, model: Any, endings: Endings, *, pad_id: int, device: str) -> None:
        self.model, self.endings = model, endings
        self.pad_id, self.device = pad_id, device
        #: The rows of the batch at hand that have not ended.
        self.rows: list[Row] = []

    def run(self, rows: Sequence[Row], *, slots: int) -> Iterator[Row | None]:
        """Yield each row when it has ended, and None after each step."""
        # Rows of like length share a batch, so that little is padded.
        ordered = sorted(rows, key=lambda row: len(row.prompt_ids))
        for start in range(0, len(ordered), slots):
            self.rows = ordered[start : start + slots]
            with closing(self._steps(self.rows)) as steps:
                for _ in steps:
                    ended = [row for row in self.rows if row.has_ended]
                    self.rows = [row for row in self.rows if not row.has_ended]
                    yield from ended
                    yield None

    def _steps(self, rows: Sequence[Row]) -> Generator[None]:
        """Make the rows, and yield after each step; to leave it there ends the batch."""
        width = max(len(row.prompt_ids) for row in rows)
        pads = [width - len(row.prompt_ids) for row in rows]
        pairs = list(zip(rows, pads, strict=True))
        ids = [[self.pad_id] * pad + list(row.prompt_ids) for row, pad in pairs]
        mask = [[0] * pad + [1] * len(row.prompt_ids) for row, pad in pairs]
        # `generate` calls back and cannot be left; in a thread it waits after each step.
        steps = Steps()
        yield from steps.of(lambda: self._make(rows, ids, mask, steps))

    def _make(self, rows: Sequence[Row], ids: Tokens, mask: Tokens, steps: Steps) -> None:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        # A decoder of its own begins with one token; a decoder-only model continues the prompt.
        start = 1 if self.model.config.is_encoder_decoder else len(ids[0])
        with torch.inference_mode():
            self.model.generate(
                input_ids=torch.tensor(ids, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
                max_new_tokens=max(row.request.settings.max_new_tokens for row in rows),
                logits_processor=LogitsProcessorList([_Chosen(rows, start)]),
                # Takes the tokens as they come, so that nothing is left to do in the end.
                stopping_criteria=StoppingCriteriaList([_Ends(rows, self.endings, steps)]),
            )


class _Chosen:
    """A logits processor that leaves one token a row: the one that the row's own key chooses."""

    def __init__(self, rows: Sequence[Row], start: int) -> None:
        self.requests, self.start = [row.request for row in rows], start

    def __call__(self, ids: Any, scores: Any) -> Any:
        import torch

        steps = [ids.shape[1] - self.start] * len(self.requests)
        tokens = choose_tokens(scores, self.requests, steps)[:, None]
        return torch.full_like(scores, float("-inf")).scatter_(1, tokens, 0.0)


class _Ends:
    """A stopping criterion that hands each row its tokens until the row has ended, or is left."""

    def __init__(self, rows: Sequence[Row], endings: Endings, steps: Steps) -> None:
        self.rows, self.endings, self.steps = rows, endings, steps
        self.since = time.perf_counter()
        for row in rows:
            row.started = self.since

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        pairs = zip(self.rows, ids[:, -1].tolist(), strict=True)
        live = [(row, token) for row, token in pairs if not row.has_ended]
        seconds = time.perf_counter() - self.since
        for row, token in live:
            row.take_share(seconds, len(live))
            self.endings.take(row, token)
        is_wanted = self.steps.pause()
        self.since = time.perf_counter()
        ended = [row.has_ended or not is_wanted for row in self.rows]
        return torch.tensor(ended, device=ids.device)
