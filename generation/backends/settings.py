"""The settings that make a model into a system, checked when the system is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import is_storable

DTYPES = ("auto", "float32", "bfloat16")
MODES = ("chat", "plain")
MAX_NEW_TOKENS = 8192


@dataclass(frozen=True)
class Setting:
    """What a setting may be: a test, the words for what it expects, and what it is if not given."""

    holds: Callable[[Any], bool]
    expected: str
    default: Any = None


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
    #: What only the system's backend knows, by name.
    own: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings in one level, as a system stores them."""
        values = asdict(self)
        own = values.pop("own")
        return {**values, **own}


def parse_settings(
    values: Mapping[str, Any], *, own: Mapping[str, Setting] | None = None
) -> GenerationSettings:
    """Return checked settings; raise `InputRefused` for an unknown key or an unusable value.

    `own` are those of the system's backend, from `generation.backends.own_settings`.
    """
    own = own or {}
    known = {**_COMMON, **own}
    if unknown := sorted(set(values) - known.keys()):
        raise InputRefused(
            f"unknown setting {unknown[0]!r}", expected="only " + ", ".join(sorted(known))
        )
    # A default that does not hold is a setting that has to be given.
    given = {**{name: setting.default for name, setting in own.items()}, **values}
    for name, value in given.items():
        if not known[name].holds(value):
            raise InputRefused(f"{name} is {_shown(value)}", expected=known[name].expected)
    common = {name: value for name, value in given.items() if name not in own}
    return GenerationSettings(
        **{**common, "stop": tuple(values.get("stop", ()))},
        own={name: given[name] for name in own},
    )


#: Their defaults stand in `GenerationSettings`.
_COMMON = {
    "temperature": Setting(lambda v: _number(v, 0, 10), "a number from 0 (greedy) to 10"),
    "top_p": Setting(lambda v: _number(v, 0, 1) and v > 0, "a number above 0, at most 1"),
    "top_k": Setting(lambda v: whole(v, 0, 1_000_000), "a whole number, 0 for all tokens"),
    "max_new_tokens": Setting(
        lambda v: whole(v, 1, MAX_NEW_TOKENS), f"a whole number from 1 to {MAX_NEW_TOKENS}"
    ),
    "system_prompt": Setting(lambda v: v is None or _text(v), "a text, or null"),
    "mode": Setting(lambda v: v in MODES, " or ".join(MODES)),
    "dtype": Setting(lambda v: v in DTYPES, " or ".join(DTYPES)),
    "stop": Setting(
        lambda v: isinstance(v, list | tuple) and all(_text(s) and s for s in v), "a list of texts"
    ),
}


def _number(value: object, low: float, high: float) -> bool:
    # NaN compares false with everything, so the bounds refuse it too.
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _text(value: object) -> bool:
    return isinstance(value, str) and is_storable(value)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
