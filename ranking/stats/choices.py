"""Best-worst choices: what was shown together, which of it was the best and which the worst."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ranking.stats.counts import Counts, Floats, Ints, tally
from ranking.stats.exceptions import ImpossibleData


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Parallel arrays, one entry a cell: `count` choices of one `kind` by `rater` on `prompt`.

    `ranked` [kinds, most] is what was chosen: the best, those between in any order, the worst,
    then -1 where fewer were shown; at least three were. Kinds are few where judgments are many.
    Raises `ImpossibleData` for anything else.
    """

    systems: int
    ranked: Ints
    kind: Ints
    rater: Ints
    prompt: Ints
    count: Ints

    def __post_init__(self) -> None:
        if len(self.ranked) and (self.shown < 3).any():
            raise ImpossibleData("a choice of fewer than three")
        if not (np.asarray(self.count) > 0).all():
            raise ImpossibleData("a count of judgments is not positive")

    @property
    def shown(self) -> Ints:
        """Return how many were shown, by kind."""
        return np.asarray((self.ranked >= 0).sum(axis=1))

    def of_size(self, size: int) -> NDArray[np.bool_]:
        return np.asarray(self.shown == size)

    @cached_property
    def sizes(self) -> list[int]:
        return [int(size) for size in np.unique(self.shown)]

    @cached_property
    def given(self) -> Floats:
        """Return how often each kind of choice was made, [kinds]."""
        return tally(self.kind, self.count, len(self.ranked))

    @cached_property
    def implied(self) -> Counts:
        """Return which systems were put above which: the best above all, all above the worst."""
        wins = np.zeros((self.systems, self.systems))
        for size in self.sizes:
            rows = self.of_size(size)
            ranked, given = self.ranked[rows, :size], self.given[rows]
            for above, below in _implied(size):
                np.add.at(wins, (ranked[:, above], ranked[:, below]), given)
        nothing = np.zeros_like(wins)
        return Counts(wins=wins, ties=nothing, both_bad=nothing)

    @property
    def best(self) -> csr_array:
        """Return which system each kind has as the best, [kinds, systems]."""
        return self._at(np.zeros(len(self.ranked), dtype=np.int64))

    @property
    def worst(self) -> csr_array:
        return self._at(self.shown - 1)

    def _at(self, place: Ints) -> csr_array:
        rows = np.arange(len(self.ranked))
        ones = np.ones(len(rows))
        return csr_array((ones, (rows, self.ranked[rows, place])), shape=self._shape)

    @property
    def present(self) -> csr_array:
        """Return which systems each kind has shown, [kinds, systems]."""
        rows, places = np.nonzero(self.ranked >= 0)
        columns = self.ranked[rows, places]
        return csr_array((np.ones(len(rows)), (rows, columns)), shape=self._shape)

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.ranked), self.systems

    def restricted_to(self, systems: Ints) -> Choices:
        """Keep the choices among these systems, numbered anew."""
        number = np.full(self.systems + 1, -1)
        number[systems] = np.arange(len(systems))
        kinds = number[self.ranked[:, 0]] >= 0
        kept = kinds[self.kind]
        return replace(
            self,
            systems=len(systems),
            ranked=number[self.ranked[kinds]],
            kind=(np.cumsum(kinds) - 1)[self.kind[kept]],
            rater=self.rater[kept],
            prompt=self.prompt[kept],
            count=self.count[kept],
        )


def _implied(size: int) -> list[tuple[int, int]]:
    return [(0, p) for p in range(1, size)] + [(p, size - 1) for p in range(1, size - 1)]
