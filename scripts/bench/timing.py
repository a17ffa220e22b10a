"""Medians of repeats, printed as they come."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any


def median(what: str, work: Callable[[], Any], *, repeats: int = 5) -> float:
    """Time some repeats after one warm-up; print and return the median, in seconds."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    found = statistics.median(times)
    say(f"{what}: {1000 * found:.2f} ms (fastest {1000 * min(times):.2f})")
    return found


def beside(what: str, work: Callable[[], Any], ours: float, *, repeats: int = 5) -> None:
    """Time what else does the same, and say what share of it ours takes."""
    other = median(f"  {what}", work, repeats=repeats)
    say(f"    ours takes {ours / other:.3f} of that")


def say_memory() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"peak memory of this process so far: {peak:,.0f} MiB")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what these scripts are for
