"""Which of the open slots a rater is given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Pair = tuple[int, int | None]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An open slot that a rater could be given."""

    pair: Pair
    prompt: int
    a_left: bool
    category: str = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a rater has judged so far."""

    #: By pair: how much more often a stood on the left than b.
    lead: Mapping[Pair, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    last_pair: Pair | None = None
    last_prompt: int | None = None


def choose_slot(
    candidates: Sequence[Candidate], seen: Seen, *, shares: Mapping[str, float] | None = None
) -> int:
    """Return the index of the slot that suits this rater best.

    Not the pair of the last task again; then no category that is a task or more ahead of its share
    (of `shares`, by name; None: there are no categories), but one that is behind; then sides in
    balance, within the pair and over all pairs; then not the last prompt; then the stored order.
    """
    overall = sum(seen.lead.values())
    after = sum(seen.categories.values()) + 1

    def unsuited(index: int) -> tuple[bool, int, int, int, bool, int]:
        slot = candidates[index]
        sign = 1 if slot.a_left else -1
        return (
            slot.pair == seen.last_pair,
            _surplus(slot.category, seen, shares, after) if shares else 0,
            abs(seen.lead.get(slot.pair, 0) + sign),
            abs(overall + sign),
            slot.prompt == seen.last_prompt,
            index,
        )

    return min(range(len(candidates)), key=unsuited)


def _surplus(category: str, seen: Seen, shares: Mapping[str, float], after: int) -> int:
    """Return where the category would be then: 0 within a task of its share, 1 ahead, -1 behind.

    (2 and on: more than three tasks ahead, and so on.)
    """
    surplus = seen.categories.get(category, 0) + 1 - shares.get(category, 0) * after
    return math.floor((surplus + 1) / 2)
