"""Which systems can stand on one scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from ranking.stats.counts import Floats, Ints


def groups(half_wins: Floats) -> list[Ints]:
    """Return the systems that chains of comparisons join, largest group first.

    `half_wins[i, j]` is how often i beat j. A system without comparisons is a group of its own.
    """
    count, label = connected_components(half_wins + half_wins.T > 0, directed=False)
    found = [np.flatnonzero(label == g) for g in range(count)]
    return sorted(found, key=lambda group: (-len(group), int(group[0])))


def is_separated(half_wins: Floats) -> bool:
    """True when some systems never lost to the others: no finite estimate exists.

    The condition of Ford (1957): the graph of wins must be strongly connected.
    """
    won = half_wins > 0
    return not (_reaches_all(won) and _reaches_all(won.T))


def _reaches_all(edges: NDArray[np.bool_]) -> bool:
    """True when every system can be reached from the first along edges [from, to]."""
    reached = edges[0].copy()
    reached[0] = True
    before = 0
    while before < (now := int(reached.sum())) < len(edges):
        before = now
        reached |= edges[reached].any(axis=0)
    return bool(reached.all())


def strata(half_wins: Floats) -> Ints:
    """Return the strong component of each system, [systems]: within one, all have finite odds."""
    return np.asarray(
        connected_components(half_wins > 0, directed=True, connection="strong")[1], dtype=np.int64
    )
