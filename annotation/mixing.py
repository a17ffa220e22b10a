"""Where checks stand among a rater's tasks: pure functions of a seed and the rater's own name.

A rater cannot foresee a position: the seed stays on the server, and every block of tasks and
every rater has a draw of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


def draw(seed: int, *names: object, below: int) -> int:
    """Return a number from 0 to `below` - 1 that the names and the seed fix."""
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % below


@dataclass(frozen=True, kw_only=True)
class Mix:
    """One such task in every block of `every`, at a place drawn for the block; 0: none."""

    every: int
    seed: int
    rater: str
    kind: str = "check"

    def is_due(self, answered: int) -> bool:
        """Return whether the task after so many answers, checks among them, is a check."""
        if not self.every:
            return False
        block, place = divmod(answered, self.every)
        return place == self._place(block)

    def passed(self, answered: int) -> int:
        """Return how many places there are up to the task after so many answers."""
        if not self.every:
            return 0
        block, place = divmod(answered, self.every)
        return block + (place >= self._place(block))

    def checks_among(self, tasks: int) -> int:
        """Return how many checks come before the last of so many other tasks."""
        if not self.every or tasks <= 0:
            return 0
        others = self.every - 1
        whole = (tasks - 1) // others
        left = tasks - whole * others  # 1 to `others`, in the last block
        return whole + (self._place(whole) < left)

    def _place(self, block: int) -> int:
        return draw(self.seed, self.rater, self.kind, block, below=self.every)
