"""Options from a TOML table, a form or the API: read one by one, all else is refused."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import is_storable

MOST_CRITERIA = 12
LONGEST_LABEL = 200
LONGEST_KEY = 40
#: Fewest and most points of a scale with words.
POINTS = (2, 10)


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One thing that outputs are judged by; `words` name the points of its scale, if it has one."""

    key: str
    label: str
    words: tuple[str, ...] = ()


class OptionReader:
    """Reads options by name and kind; what `finish` still finds was not asked for."""

    def __init__(self, options: Any, *, protocol: str) -> None:
        if not isinstance(options, dict):
            raise InputRefused(f"options is {_shown(options)}", expected="a table")
        self.protocol = protocol
        self.left = dict(options)
        self.names: list[str] = []

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise self._refused(name, value, "true or false")
        return value

    def whole(self, name: str, *, low: int, high: int, default: int) -> int:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._refused(name, value, f"a whole number from {low} to {high}")
        return value

    def share(self, name: str, *, high: float) -> float:
        value = self._take(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
            raise self._refused(name, value, f"a share from 0 to {high:g}")
        return float(value)

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        """Return one of the words; the first is the default."""
        value = self._take(name, allowed[0])
        if value not in allowed:
            raise self._refused(name, value, "one of " + ", ".join(allowed))
        return str(value)

    def criteria(self, name: str, *, words: Sequence[str] | None = None) -> tuple[Criterion, ...]:
        """Return the criteria; with `words` each has a scale, of those words if it names none."""
        values = self._take(name, [])
        if not isinstance(values, list | tuple) or len(values) > MOST_CRITERIA:
            raise self._refused(name, values, f"a list of at most {MOST_CRITERIA} criteria")
        found = tuple(
            self._criterion(value, words, number) for number, value in enumerate(values, start=1)
        )
        if len({criterion.key for criterion in found}) < len(found):
            raise self._refused(name, values, "criteria with different keys")
        return found

    def finish(self) -> None:
        if self.left:
            expected = ", ".join(self.names) or f"none: {self.protocol} has no options"
            raise InputRefused(f"unknown option {_shown(next(iter(self.left)))}", expected=expected)

    def _take(self, name: str, default: Any) -> Any:
        self.names.append(name)
        return self.left.pop(name, default)

    def _criterion(self, value: Any, words: Sequence[str] | None, number: int) -> Criterion:
        if isinstance(value, str):
            value = {"label": value}
        allowed = {"key", "label", "words"} if words else {"key", "label"}
        if not isinstance(value, dict) or not value.keys() <= allowed:
            expected = "a label, or a table with " + ", ".join(sorted(allowed))
            raise self._refused("criterion", value, expected)
        label = value.get("label", "")
        if not _is_text(label, LONGEST_LABEL) or not label.strip():
            raise self._refused("label", label, f"a text of at most {LONGEST_LABEL} characters")
        key = value.get("key") or _key(label) or f"criterion_{number}"
        if not isinstance(key, str) or not re.fullmatch(rf"[a-z0-9_]{{1,{LONGEST_KEY}}}", key):
            raise self._refused("key", key, "letters a to z, digits and _")
        return Criterion(key=key, label=label.strip(), words=self._words(value, words))

    def _words(self, value: dict[str, Any], default: Sequence[str] | None) -> tuple[str, ...]:
        words = value.get("words") or default or ()
        low, high = POINTS
        is_right = isinstance(words, list | tuple) and all(_is_text(word, 60) for word in words)
        if default and not (is_right and low <= len(words) <= high):
            raise self._refused("words", words, f"{low} to {high} short texts")
        return tuple(words)

    def _refused(self, name: str, value: Any, expected: str) -> InputRefused:
        return InputRefused(f"option {name} is {_shown(value)}", expected=expected)


def _key(label: str) -> str:
    """Derive a key from a label; nothing for one without Latin letters."""
    return re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_")[:LONGEST_KEY].strip("_")


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and is_storable(value)


def _shown(value: Any) -> str:
    """Return it as code, short however deep it is."""
    return reprlib.repr(value)
