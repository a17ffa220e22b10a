"""The settings that make a model into a system, checked when the system is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import is_storable

DTYPES = ("auto", "float32", "bfloat16")
MODES = ("chat", "plain")
MAX_NEW_TOKENS = 8192


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """How a system generates. Temperature 0 is greedy; top_k 0 and top_p 1 leave all tokens in."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 256
    #: None: what the model's own chat template puts first.
    system_prompt: str | None = None
    #: `plain` gives the prompt as it is, for base models without a chat template.
    mode: str = "chat"
    #: `auto`: bfloat16 on a GPU, float32 on a CPU, where outputs do not depend on the batch.
    dtype: str = "auto"
    stop: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def parse_settings(values: Mapping[str, Any]) -> GenerationSettings:
    """Return checked settings; raise `InputRefused` for an unknown key or an unusable value."""
    known = {field.name for field in fields(GenerationSettings)}
    if unknown := sorted(set(values) - known):
        raise InputRefused(
            f"unknown setting {unknown[0]!r}", expected="only " + ", ".join(sorted(known))
        )
    checks: dict[str, Callable[[Any], bool]] = {
        "temperature": lambda v: _number(v, 0, 10),
        "top_p": lambda v: _number(v, 0, 1) and v > 0,
        "top_k": lambda v: _whole(v, 0, 1_000_000),
        "max_new_tokens": lambda v: _whole(v, 1, MAX_NEW_TOKENS),
        "system_prompt": lambda v: v is None or _text(v),
        "mode": lambda v: v in MODES,
        "dtype": lambda v: v in DTYPES,
        "stop": lambda v: isinstance(v, list | tuple) and all(_text(s) and s for s in v),
    }
    for name, value in values.items():
        if not checks[name](value):
            raise InputRefused(f"{name} is {_shown(value)}", expected=_EXPECTED[name])
    return GenerationSettings(**{**values, "stop": tuple(values.get("stop", ()))})


_EXPECTED = {
    "temperature": "a number from 0 (greedy) to 10",
    "top_p": "a number above 0, at most 1",
    "top_k": "a whole number, 0 for all tokens",
    "max_new_tokens": f"a whole number from 1 to {MAX_NEW_TOKENS}",
    "system_prompt": "a text, or null",
    "mode": " or ".join(MODES),
    "dtype": " or ".join(DTYPES),
    "stop": "a list of texts",
}


def _number(value: object, low: float, high: float) -> bool:
    # NaN compares false with everything, so the bounds refuse it too.
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _text(value: object) -> bool:
    return isinstance(value, str) and is_storable(value)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
