"""Which beginnings prompts share, so that each is computed once: a tree over sorted prompts.

Prompts of one system begin with the same system prompt; all samples of a prompt share it whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

#: Tokens that sharing must save: a shared beginning costs a pass of the model of its own.
WORTH = 64

Ids = Sequence[int]


@dataclass(eq=False)
class Prefix:
    """The first `length` tokens of some prompts, the last of them its own."""

    parent: Prefix | None
    ids: Ids
    length: int
    #: Prompts that still have to begin with it; at none its cache is dropped.
    waiting: int
    #: (keys, values) of each layer, [1, heads, length, size], once computed.
    cache: list[tuple[Any, Any]] | None = None

    def path(self) -> list[Prefix]:
        """Return the prefixes from the shortest to this one."""
        up: list[Prefix] = []
        node: Prefix | None = self
        while node:
            up.append(node)
            node = node.parent
        return up[::-1]

    def release(self, prompts: int) -> None:
        """Count so many prompts less that need it and those above it."""
        for node in self.path():
            node.waiting -= prompts
            if node.waiting == 0:
                node.cache = None


def share_prefixes(prompts: Sequence[Ids], *, worth: int = WORTH) -> list[Prefix | None]:
    """Return the longest shared beginning of each of the sorted prompts, or None.

    At least one token of each prompt stays outside: its logits are needed.
    """
    found: list[Prefix | None] = [None] * len(prompts)
    # Not recursive: prompts that each continue the one before would nest without bound.
    todo: list[tuple[int, int, Prefix | None]] = [(0, len(prompts), None)]
    while todo:
        low, high, parent = todo.pop()
        if high - low < 2:
            continue
        common = _common(prompts[low], prompts[high - 1])
        shared = min(common, min(map(len, prompts[low:high])) - 1)
        start = parent.length if parent else 0
        if (shared - start) * (high - low - 1) >= worth:
            parent = Prefix(parent, prompts[low][start:shared], shared, high - low)
            found[low:high] = [parent] * (high - low)
        todo += [(*run, parent) for run in _runs(prompts, low, high, common)]
    return found


def _common(first: Ids, last: Ids) -> int:
    """Return how many tokens two prompts share; all that stand between them share as many."""
    pairs = enumerate(zip(first, last, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))


def _runs(prompts: Sequence[Ids], low: int, high: int, place: int) -> Iterator[tuple[int, int]]:
    """Cut the sorted prompts where the token at `place` changes; equal prompts are one end."""
    if prompts[low] == prompts[high - 1]:
        return
    start = low
    for i in range(low + 1, high + 1):
        if i == high or prompts[i][place : place + 1] != prompts[start][place : place + 1]:
            yield start, i
            start = i
