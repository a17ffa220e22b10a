"""Columns by hand: what a test does not name is unknown."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.quality.columns import UNKNOWN, Columns

_FLOATS = ("score", "seconds", "off", "reference", "anchor")
_DEFAULTS = {"task": None, "system": 0, "characters": 0, "check": 0, "answer": 0}


def make_columns(rater: list[int], *, raters: int | None = None, **given: Any) -> Columns:
    """Columns of judgments in the order given, which is sorted by rater and stable within one."""
    n = len(rater)
    order = np.argsort(rater, kind="stable") if n else np.zeros(0, dtype=np.int64)
    names = ("task", "system", "answer", "pressed", "chose_left", "a_left", "characters", "check")
    if "score" in given:
        given.setdefault("pressed", given["score"])
    columns: dict[str, Any] = {
        name: np.array(given.get(name, [_DEFAULTS.get(name, UNKNOWN)] * n), dtype=np.int64)[order]
        for name in names
        if name != "task" or "task" in given
    }
    columns.setdefault("task", np.arange(n)[order])
    for name in _FLOATS:
        columns[name] = np.array(given.get(name, [np.nan] * n), dtype=float)[order]
    who = np.array(rater, dtype=np.int64)[order]
    count = raters if raters is not None else (max(rater) + 1 if rater else 0)
    return Columns(
        judgment=np.array(given.get("judgment", range(1, n + 1)), dtype=np.int64)[order],
        rater=who,
        raters=count,
        group=who,
        groups=count,
        **columns,
    )
