"""Continuous batching: a slot whose row has ended takes the next row at once.

transformers' own engine (`generate_batch`) has one seed for all rows; here each row draws from a
key of its own. `docs/performance.md` has both side by side.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from generation.backends.prefixes import Prefix, share_prefixes
from generation.backends.rows import Endings, Row
from generation.backends.sampling import choose_tokens
from generation.backends.slot_cache import SlotCache

#: Tokens that one pass over new prompts holds: enough to keep any device busy.
PREFILL_TOKENS = 4096
#: A shorter prompt is padded by up to so many tokens; more would cost more than a pass of its own.
PADDING = 48


def can_refill(model: Any) -> bool:
    """Return whether rows can come and go: attention only, with mask and positions from outside."""
    import inspect

    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    taken = inspect.signature(model.forward).parameters
    needed = {"attention_mask", "position_ids", "past_key_values", "logits_to_keep"}
    layers = DynamicCache(config=model.config).layers
    return (
        needed <= taken.keys()
        and bool(layers)
        and not model._is_stateful
        and not getattr(model.config.get_text_config(), "num_kv_shared_layers", 0)
        and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
    )


def _has_windows(model: Any) -> bool:
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return any(
        type(layer) is not DynamicLayer for layer in DynamicCache(config=model.config).layers
    )


class SlotEngine:
    """A decoder-only model that makes up to `slots` rows at once."""

    def __init__(self, model: Any, endings: Endings, *, pad_id: int, device: str) -> None:
        self.model, self.endings = model, endings
        self.pad_id, self.device = pad_id, device
        # A sliding window counts columns; behind a shared beginning, padding would shift them.
        self.shares = not _has_windows(model)
        #: The rows that hold a slot.
        self.rows: list[Row] = []

    def run(self, rows: Sequence[Row], *, slots: int) -> Iterator[Row | None]:
        """Yield each row when it has ended, and None after each step."""
        import torch

        self.rows = []
        queue = _Queue(rows, shares=self.shares)
        cache = SlotCache(
            slots=min(slots, len(rows)),
            longest=max(len(row.prompt_ids) for row in rows),
            device=self.device,
        )
        while queue or self.rows:
            ended: list[Row] = []
            # Not around what is yielded, as others compute meanwhile.
            with torch.inference_mode():
                free = min(slots - len(self.rows), len(queue))
                # A pass over several new rows costs little more than over one.
                if free and (free >= min(max(1, slots // 8), len(queue)) or not self.rows):
                    ended += self._admit(queue.take(free), cache)
                if self.rows:
                    ended += self._step(cache)
            yield from ended
            yield None

    def _step(self, cache: SlotCache) -> list[Row]:
        """Make one token more for every live row; return those that it ended."""
        import torch

        started = time.perf_counter()
        past, mask = cache.begin_step()
        last = torch.tensor([[row.made[-1]] for row in self.rows], device=self.device)
        places = torch.tensor([[row.length - 1] for row in self.rows], device=self.device)
        logits = self.model(
            input_ids=last,
            attention_mask=mask,
            position_ids=places,
            past_key_values=past,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        cache.end_step()
        return self._take(logits, cache, first=0, since=started)

    def _take(self, logits: Any, cache: SlotCache, *, first: int, since: float) -> list[Row]:
        """Choose the next token of the rows from slot `first` on; drop and return those it ends."""
        rows = self.rows[first:]
        steps = [len(row.made) for row in rows]
        tokens = choose_tokens(logits, [row.request for row in rows], steps).tolist()
        seconds = time.perf_counter() - since
        for row, token in zip(rows, tokens, strict=True):
            row.take_share(seconds, len(rows))
            self.endings.take(row, token)
        # From behind, as the last row moves into the place of one that is dropped.
        for slot in reversed(range(len(self.rows))):
            if self.rows[slot].has_ended:
                cache.drop(slot)
                self.rows[slot] = self.rows[-1]
                self.rows.pop()
        return [row for row in rows if row.has_ended]

    def _admit(self, new: Sequence[tuple[Row, Prefix | None]], cache: SlotCache) -> list[Row]:
        """Compute the prompts of rows that got a slot, and their first tokens."""
        ended: list[Row] = []
        for rows, prefix in _passes(new):
            started, first = time.perf_counter(), len(self.rows)
            for row in rows:
                row.started = started
            self.rows += rows
            if prefix:
                self._fill(prefix)
            logits, prefilled = self._prefill(rows, prefix)
            cache.add(prefilled, [len(row.prompt_ids) for row in rows])
            if prefix:
                prefix.release(len(rows))
            ended += self._take(logits, cache, first=first, since=started)
        return ended

    def _fill(self, prefix: Prefix) -> None:
        """Compute a shared beginning, and those that it continues."""
        import torch

        for node in prefix.path():
            if node.cache is None:
                past = _past(node.parent, rows=1)
                self.model(
                    input_ids=torch.tensor([node.ids], device=self.device),
                    past_key_values=past,
                    use_cache=True,
                    logits_to_keep=1,
                )
                node.cache = [(layer.keys, layer.values) for layer in past.layers]

    def _prefill(self, rows: Sequence[Row], prefix: Prefix | None) -> tuple[Any, Any]:
        """Compute the prompts behind their shared beginning; return last logits, and their cache.

        The cache is aligned at the end: a row's beginning stands right before the rest of it.
        """
        import torch

        start = prefix.length if prefix else 0
        rest = [list(row.prompt_ids[start:]) for row in rows]
        width = max(map(len, rest))
        pads = torch.tensor([width - len(ids) for ids in rest], device=self.device)[:, None]
        ids = [[self.pad_id] * (width - len(ids)) + ids for ids in rest]
        columns = torch.arange(width, device=self.device)[None]
        before = torch.ones(len(rows), start, dtype=torch.bool, device=self.device)
        past = _past(prefix, rows=len(rows))
        logits = self.model(
            input_ids=torch.tensor(ids, device=self.device),
            attention_mask=torch.cat([before, columns >= pads], 1),
            position_ids=start + (columns - pads).clamp(min=0),
            past_key_values=past,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        if start and bool(pads.any()):
            _close_gaps(past, start, pads)
        return logits, past


def _past(prefix: Prefix | None, *, rows: int) -> Any:
    """Return a cache in which each of `rows` rows has begun with the prefix."""
    from transformers import DynamicCache

    past = DynamicCache()
    for i, (keys, values) in enumerate((prefix.cache or []) if prefix else []):
        past.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), i)
    return past


def _close_gaps(past: Any, start: int, pads: Any) -> None:
    """Move each row's beginning of `start` tokens over the padding behind it."""
    import torch

    keys = past.layers[0].keys
    columns = torch.arange(keys.shape[2], device=keys.device)[None]
    sources = torch.where(columns >= start + pads, columns, (columns - pads).clamp(min=0))
    for layer in past.layers:
        layer.keys = torch.take_along_dim(layer.keys, sources[:, None, :, None], 2)
        layer.values = torch.take_along_dim(layer.values, sources[:, None, :, None], 2)


class _Queue:
    """Rows that wait for a slot: those with a common beginning together, else the longest first."""

    def __init__(self, rows: Sequence[Row], *, shares: bool) -> None:
        if shares:
            ordered = sorted(rows, key=lambda row: list(row.prompt_ids))
            prefixes = share_prefixes([row.prompt_ids for row in ordered])
        else:
            ordered = sorted(rows, key=lambda row: -len(row.prompt_ids))
            prefixes = [None] * len(ordered)
        self._waiting = deque(zip(ordered, prefixes, strict=True))

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, count: int) -> list[tuple[Row, Prefix | None]]:
        return [self._waiting.popleft() for _ in range(count)]


def _passes(new: Sequence[tuple[Row, Prefix | None]]) -> Iterator[tuple[list[Row], Prefix | None]]:
    """Part new rows into passes of one beginning and of like length."""
    groups: dict[int, tuple[Prefix | None, list[Row]]] = {}
    for row, prefix in new:
        groups.setdefault(id(prefix), (prefix, []))[1].append(row)
    for prefix, rows in groups.values():
        start = prefix.length if prefix else 0
        taken: list[Row] = []
        longest = 0
        for row in sorted(rows, key=lambda row: -len(row.prompt_ids)):
            rest = len(row.prompt_ids) - start
            if taken and (longest - rest > PADDING or longest * (len(taken) + 1) > PREFILL_TOKENS):
                yield taken, prefix
                taken = []
            longest = rest if not taken else longest
            taken.append(row)
        yield taken, prefix
