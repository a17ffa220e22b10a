"""Keys and values of the rows at hand, written in place.

transformers' own growing cache copies all of itself at every step, and once more whenever a row
comes or goes. Here row i of every buffer is slot i, and all rows end in the same column:

    columns     first            end    capacity
    slot 0      . . a a a a a a a |  free
    slot 1      . . . . . b b b b |  free
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

#: Columns that are there for new tokens whenever the buffers are made anew.
ROOM = 128


class SlotCache:
    """What slots hold: `live` rows, in slots 0 to live - 1 and columns `first` to `end`."""

    def __init__(self, *, slots: int, longest: int, device: str) -> None:
        """Make room for `slots` rows whose prompts have up to `longest` tokens."""
        import torch
        from transformers import Cache

        self.live, self.first, self.end = 0, longest, longest
        self.capacity = longest + ROOM
        #: True where a slot's row has a token; [slots, capacity].
        self.filled = torch.zeros(slots, self.capacity, dtype=torch.bool, device=device)
        self.lengths: list[int] = []
        self._cache = Cache(layer_class_to_replicate=lambda: _layer_class()(self))

    def add(self, prefilled: Any, lengths: Sequence[int]) -> None:
        """Copy rows in that are aligned at their end; `prefilled` is their cache."""
        rows = slice(self.live, self.live + len(lengths))
        for i, source in enumerate(prefilled.layers):
            if len(self._cache.layers) == i:
                self._cache.layers.append(_layer_class()(self))
            self._cache.layers[i].put(rows, source.keys, source.values)
        self.filled[rows] = False
        for slot, length in enumerate(lengths, start=self.live):
            self.filled[slot, self.end - length : self.end] = True
        self.lengths += lengths
        self.live += len(lengths)
        self._set_first()

    def drop(self, slot: int) -> None:
        """Empty a slot; the last row moves into it."""
        self.live -= 1
        if slot != self.live:
            for layer in self._cache.layers:
                layer.keys[slot] = layer.keys[self.live]
                layer.values[slot] = layer.values[self.live]
            self.filled[slot] = self.filled[self.live]
            self.lengths[slot] = self.lengths[self.live]
        self.lengths.pop()
        self._set_first()

    def _set_first(self) -> None:
        self.first = self.end - max(self.lengths, default=0)

    def begin_step(self) -> tuple[Any, Any]:
        """Give every row a column more; return transformers' view of the cache, and its mask.

        The mask is [live, columns], with the new column.
        """
        if self.end == self.capacity:
            self._make_room()
        self.filled[: self.live, self.end] = True
        return self._cache, self.filled[: self.live, self.first : self.end + 1]

    def end_step(self) -> None:
        self.end += 1
        self.lengths = [length + 1 for length in self.lengths]

    def _make_room(self) -> None:
        """Move what is in use to new buffers, at their beginning, with as much room behind it."""
        import torch

        used = self.end - self.first
        self.capacity = used + max(ROOM, used // 2)
        filled = torch.zeros(
            len(self.filled), self.capacity, dtype=torch.bool, device=self.filled.device
        )
        filled[:, :used] = self.filled[:, self.first : self.end]
        for layer in self._cache.layers:
            layer.move(self.first, self.end, self.capacity)
        self.filled, self.first, self.end = filled, 0, used


class _Buffers:
    """The buffers of one layer, [slots, heads, capacity, size] each."""

    is_sliding = False

    keys: Any
    values: Any

    def __init__(self, slots: SlotCache) -> None:
        self.slots = slots
        self.keys = self.values = None
        self.is_initialized = False

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        shape = len(self.slots.filled), key_states.shape[1], self.slots.capacity
        # Zeros, as what is masked is multiplied by nothing, and nothing times NaN is NaN.
        self.keys = key_states.new_zeros(*shape, key_states.shape[-1])
        self.values = value_states.new_zeros(*shape, value_states.shape[-1])
        self.is_initialized = True

    def put(self, rows: slice, keys: Any, values: Any) -> None:
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        columns = slice(self.slots.end - keys.shape[2], self.slots.end)
        self.keys[rows, :, columns] = keys
        self.values[rows, :, columns] = values

    def move(self, first: int, end: int, capacity: int) -> None:
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = old.new_zeros(*old.shape[:2], capacity, old.shape[3])
            new[:, :, : end - first] = old[:, :, first:end]
            setattr(self, name, new)

    def update(
        self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any
    ) -> tuple[Any, Any]:
        live, first, end = self.slots.live, self.slots.first, self.slots.end
        self.keys[:live, :, end : end + 1] = key_states
        self.values[:live, :, end : end + 1] = value_states
        shown = slice(first, end + 1)
        return self.keys[:live, :, shown], self.values[:live, :, shown]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        return self.slots.end - self.slots.first

    def get_max_length(self) -> int:
        return -1


@cache
def _layer_class() -> Any:
    """Return `_Buffers` as a layer of transformers', which torch is imported for: in a function."""
    from transformers.cache_utils import CacheLayerMixin

    return type("SlotLayer", (_Buffers, CacheLayerMixin), {})
