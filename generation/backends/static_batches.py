"""Batches that end together, by transformers' `generate`: for every model that cannot refill slots.

Encoder-decoder models, sliding or linear attention with a state of its own, and the like.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from generation.backends.rows import Endings, Row
from generation.backends.sampling import choose_tokens


class StaticEngine:
    """A model that makes up to `slots` rows at once, none before the last of them has ended."""

    def __init__(self, model: Any, endings: Endings, *, pad_id: int, device: str) -> None:
        self.model, self.endings = model, endings
        self.pad_id, self.device = pad_id, device
        #: The rows of the batch at hand.
        self.rows: list[Row] = []

    def run(self, rows: Sequence[Row], *, slots: int) -> Iterator[Row | None]:
        """Yield the rows batch by batch, and None after each batch."""
        # Rows of like length share a batch, so that little is padded.
        ordered = sorted(rows, key=lambda row: len(row.prompt_ids))
        for start in range(0, len(ordered), slots):
            self.rows = ordered[start : start + slots]
            self._make(self.rows)
            yield from self.rows
            yield None

    def _make(self, rows: Sequence[Row]) -> None:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        for row in rows:
            row.started = time.perf_counter()
        width = max(len(row.prompt_ids) for row in rows)
        pads = [width - len(row.prompt_ids) for row in rows]
        pairs = list(zip(rows, pads, strict=True))
        ids = [[self.pad_id] * pad + list(row.prompt_ids) for row, pad in pairs]
        mask = [[0] * pad + [1] * len(row.prompt_ids) for row, pad in pairs]
        # A decoder of its own begins with one token; a decoder-only model continues the prompt.
        start = 1 if self.model.config.is_encoder_decoder else width
        started = time.perf_counter()
        with torch.inference_mode():
            self.model.generate(
                input_ids=torch.tensor(ids, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
                max_new_tokens=max(row.request.settings.max_new_tokens for row in rows),
                logits_processor=LogitsProcessorList([_Chosen(rows, start)]),
                # Takes the tokens as they come, so that nothing is left to do in the end.
                stopping_criteria=StoppingCriteriaList([_Ends(rows, self.endings)]),
            )
        for row in rows:
            row.take_share(time.perf_counter() - started, len(rows))


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
    """A stopping criterion that hands each row its tokens until the row has ended."""

    def __init__(self, rows: Sequence[Row], endings: Endings) -> None:
        self.rows, self.endings = rows, endings

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        last = ids[:, -1].tolist()
        ended = [
            row.has_ended or self.endings.take(row, token)
            for row, token in zip(self.rows, last, strict=True)
        ]
        return torch.tensor(ended, device=ids.device)
