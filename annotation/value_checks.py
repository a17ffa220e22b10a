"""Checks of single values in a file: each returns what to store, or says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from annotation.endings import check_return_url
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import is_storable

#: Raises `InputRefused` whose `wrong` is the value and whose `expected` says what it should be.
Check = Callable[[Any], Any]

_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_MONEY = Decimal(10_000)
#: The lowest and the highest loudness [LUFS] that sounds can be brought to.
LEVELS = (-40.0, -10.0)


def whole(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputRefused(repr(value), expected=f"a whole number, {low} to {high}")
        return value

    return check


def text(longest: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or not is_storable(value):
            raise InputRefused(repr(value), expected="a text")
        if len(value) > longest:
            raise InputRefused(
                f"{len(value)} characters long", expected=f"at most {longest} characters"
            )
        return value

    return check


def one_of(*allowed: str) -> Check:
    def check(value: Any) -> str:
        if value not in allowed or not isinstance(value, str):
            raise InputRefused(repr(value), expected="one of " + ", ".join(allowed))
        return value

    return check


def some_of(*allowed: str) -> Check:
    def check(value: Any) -> list[str]:
        is_list = isinstance(value, list) and all(isinstance(name, str) for name in value)
        if not is_list or not set(value) <= set(allowed):
            raise InputRefused(repr(value), expected="a list of " + ", ".join(allowed))
        return [name for name in allowed if name in value]

    return check


def code(value: Any) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise InputRefused(repr(value), expected="up to 64 letters, digits, - and _")
    return value


def address(value: Any) -> str:
    return check_return_url(text(300)(value))


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputRefused(repr(value), expected="true or false")
    return value


def level(value: Any) -> float | None:
    """Read a loudness in LUFS; "off" is None: every sound is as loud as it is."""
    if value == "off":
        return None
    low, high = LEVELS
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputRefused(repr(value), expected=f'LUFS, {low:g} to {high:g}, or "off"')
    return float(value)


def money(value: Any) -> Decimal:
    """Read an amount, written 1.5 or "1.50"; more than two decimals are refused, not rounded."""
    try:
        amount = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    is_amount = amount.is_finite() and 0 <= amount <= _MOST_MONEY
    if not is_amount or amount != amount.quantize(Decimal("0.01")):
        raise InputRefused(repr(value), expected=f"an amount, 0 to {_MOST_MONEY}, two decimals")
    return amount
