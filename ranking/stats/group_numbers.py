"""One number for a set of systems, so that a group needs no table of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ranking.stats.counts import Ints


def group_number(systems: Iterable[int]) -> int:
    """Return the number of a set of systems among all sets of as many (Lehmer, 1964).

    A system's own number in the study is all that is needed, so groups need no table: the k-th
    smallest, from 1, adds its number over k. `systems_of_groups` is the inverse.
    """
    return sum(math.comb(system, k) for k, system in enumerate(sorted(systems), start=1))


def systems_of_groups(numbers: Ints, *, size: int, systems: int) -> Ints:
    """Return the systems [groups, size], ascending, of groups of that size by their numbers."""
    left = numbers.astype(np.int64)
    found = np.zeros((len(left), size), dtype=np.int64)
    for k in range(size, 0, -1):
        sets = np.array([math.comb(system, k) for system in range(systems)], dtype=np.int64)
        found[:, k - 1] = np.searchsorted(sets, left, side="right") - 1
        left = left - sets[found[:, k - 1]]
    return found
