"""A row on its way through a local model: its prompt, what it has said, and why it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from generation.backends import GenerationRequest

#: A stop string is looked for in so many tokens more than it has bytes: a token has a byte or more.
_MARGIN = 8


@dataclass(eq=False, kw_only=True)
class Row:
    """One request with its prompt as token ids. `made` grows by a token a step."""

    request: GenerationRequest
    prompt_ids: Sequence[int]
    made: list[int] = field(default_factory=list)
    #: `eos`, `stop` or `length` once the row has ended.
    finish: str = ""
    error: str = ""
    #: When it got its slot [s, of the process's clock].
    started: float = 0.0
    #: Its share of the time that went into it and the rows beside it, at most `beside` with it.
    seconds: float = 0.0
    beside: int = 0

    @property
    def length(self) -> int:
        return len(self.prompt_ids) + len(self.made)

    @property
    def has_ended(self) -> bool:
        return bool(self.finish or self.error)

    def take_share(self, seconds: float, rows: int) -> None:
        """Count its part of a step that `rows` rows took together."""
        self.seconds += seconds / rows
        self.beside = max(self.beside, rows)

    def restart(self) -> None:
        """Forget what was made: a row that lost its slot is made again from its prompt."""
        self.made, self.finish, self.error, self.beside = [], "", "", 0


@dataclass(frozen=True, kw_only=True)
class Endings:
    """What ends a row: the model's end tokens, the row's stop strings, its token limit.

    One that holds its slot for longer than `seconds` fails.
    """

    tokenizer: Any
    eos_ids: frozenset[int]
    seconds: float

    def take(self, row: Row, token: int) -> bool:
        """Append the row's next token; return whether it was the last."""
        settings = row.request.settings
        row.made.append(token)
        if token in self.eos_ids:
            row.finish = "eos"
        elif settings.stop and self._has_stopped(row.made, settings.stop):
            row.finish = "stop"
        elif len(row.made) >= settings.max_new_tokens:
            row.finish = "length"
        elif time.perf_counter() - row.started > self.seconds:
            row.error = f"It was not finished after {self.seconds:g} s."
        return row.has_ended

    def text(self, row: Row) -> str:
        """Return what the row says, up to its stop string."""
        text = self._decoded(row.made)
        cut = stop_position(text, row.request.settings.stop)
        return text if cut is None else text[:cut]

    def _has_stopped(self, ids: list[int], stop: Sequence[str]) -> bool:
        # Only the end is decoded at each step, else a long text would cost its square.
        tail = max(len(s.encode()) for s in stop) + _MARGIN
        return (
            stop_position(self._decoded(ids[-tail:]), stop) is not None
            and stop_position(self._decoded(ids), stop) is not None
        )

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))


def stop_position(text: str, stop: Sequence[str]) -> int | None:
    """Return where the first of the stop strings begins in `text`."""
    found = [place for s in stop if (place := text.find(s)) >= 0]
    return min(found) if found else None
