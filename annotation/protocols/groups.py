"""Lists in the cells of a file, for protocols that show several outputs at once.

A list is JSON: a list in .jsonl, its text in .csv. Names are verbatim; null is the reference,
a number an anchor.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from annotation.protocols.parts import Answer
from evalsite.lib.tabular import Row
from evalsite.lib.text import is_storable


def names_in(row: Row, column: str) -> list[str]:
    """Return different names; raise `InputRefused` for anything else."""
    names = _list_in(row, column)
    is_right = all(isinstance(n, str) and 0 < len(n) <= 200 and is_storable(n) for n in names)
    if not names or not is_right:
        raise row.refuse(f"{column} holds no names", expected="a JSON list of names")
    if len(set(names)) < len(names):
        raise row.refuse(f"{column} names one twice", expected="different names")
    return names


def numbers_in(row: Row, column: str, *, count: int, high: int) -> list[int]:
    """Return whole numbers from 0 to `high`, one for each system."""
    numbers = _list_in(row, column)
    is_right = all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
    if len(numbers) != count or not is_right or not all(0 <= n <= high for n in numbers):
        expected = f"a JSON list of {count} whole numbers from 0 to {high}"
        raise row.refuse(f"{column} does not fit", expected=expected)
    return numbers


Sign = int | None


def shown_in(row: Row, names: list[str], *, hidden: Sequence[Sign] = ()) -> dict[str, list[int]]:
    """Return the order on the screen, as places; nothing where the file does not say it.

    What is hidden behind the systems has signs.
    """
    if row.values.get("shown") in (None, ""):
        return {}
    known: list[str | Sign] = [*names, *hidden]
    shown = _list_in(row, "shown")
    if len(shown) != len(known) or any(shown.count(name) != 1 for name in known):
        raise row.refuse("shown does not fit", expected="the systems in the order shown")
    return {"order": [known.index(name) for name in shown]}


def shown_names(
    answer: Answer, systems: Sequence[str], *, hidden: Sequence[Sign] = ()
) -> list[str | Sign] | None:
    """Return the names and signs in the order shown; None where it is not known."""
    order, known = answer.more.get("order"), [*systems, *hidden]
    return order and [known[i] for i in order]


def _list_in(row: Row, column: str) -> list[Any]:
    value = row.values.get(column)
    if isinstance(value, str):
        try:
            value = json.loads(row.text(column))
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list):
        raise row.refuse(f"{column} is no list", expected="a JSON list")
    return value
