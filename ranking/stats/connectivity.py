"""Which systems can stand on one scale."""

from __future__ import annotations

import numpy as np
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
    count, _ = connected_components(half_wins > 0, directed=True, connection="strong")
    return bool(count > 1)
