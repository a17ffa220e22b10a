"""Random numbers that stay what they are for as long as a study runs.

They come straight from the PCG64 bit stream, which NumPy promises to keep (NEP 19), unlike its
shuffles; and they can be entered anywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotation.design.tasks import Ints


def words(seed: int, stream: int, start: int, count: int) -> NDArray[np.uint64]:
    """Return so many random words of 64 bits from place `start` of one of the seed's streams."""
    bits = np.random.PCG64(np.random.SeedSequence([seed, stream]))
    bits.advance(start)
    return np.asarray(bits.random_raw(count), dtype=np.uint64)


def coins(seed: int, stream: int, count: int) -> Ints:
    """Return `count` numbers, each 0 or 1."""
    return (words(seed, stream, 0, count) >> np.uint64(63)).astype(np.int64)


def shuffled(seed: int, stream: int, rows: int, count: int, *, skip: int = 0) -> Ints:
    """Return [rows, count]: as many permutations, `skip` rows into the stream."""
    numbers = words(seed, stream, skip * count, rows * count)
    return np.argsort(numbers.reshape(rows, count), axis=1, kind="stable")
