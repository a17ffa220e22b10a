"""A study as a file: which keys there are, and what each must hold."""

from __future__ import annotations

from typing import Any

from annotation.protocols import PROTOCOLS
from evalsite.lib.exceptions import InputRefused
from generation.lookup import prompt_set_named, system_named

#: Key -> (type, its name for people). `systems` and `prompt_set` are slugs.
KEYS: dict[str, tuple[type, str]] = {
    "name": (str, "a text"),
    "protocol": (str, " or ".join(PROTOCOLS)),
    "options": (dict, "a table of the protocol's own options"),
    "prompt_set": (str, "a slug"),
    "systems": (list, "a list of slugs"),
    "title": (str, "a text"),
    "question": (str, "a text"),
    "instructions": (str, "a text"),
    "consent": (str, "a text"),
    "redact": (list, "a list of words"),
    "left_out": (list, "a list of prompts' ids"),
    "language": (str, "a code as en or de"),
    "slug": (str, "a slug"),
    "pairing": (str, "full, block or adaptive"),
    "task_budget": (int, "a whole number"),
    "judgments_per_task": (int, "a whole number"),
    "tasks_per_rater": (int, "a whole number"),
    "allow_tie": (bool, "true or false"),
    "allow_both_bad": (bool, "true or false"),
    "lease_minutes": (int, "a whole number"),
    "sample": (int, "a whole number"),
    "seed": (int, "a whole number"),
}
REQUIRED = ("name", "protocol", "prompt_set", "systems")
LIMITS = {
    "task_budget": (1, 10**6),
    "judgments_per_task": (1, 1000),
    "tasks_per_rater": (1, 10**6),
    "lease_minutes": (1, 24 * 60),
    "sample": (0, 1000),
    "seed": (0, 2**63 - 1),
}
LENGTHS = {"name": 200, "title": 100, "question": 300, "slug": 80}


def study_arguments(values: dict[str, Any], *, file: str) -> dict[str, Any]:
    """Return the arguments of `create_study`; raise `InputRefused` for the first bad key."""
    for key, value in values.items():
        _check(key, value, file)
    for key in REQUIRED:
        if key not in values:
            raise InputRefused(f"{key} is missing", expected=KEYS[key][1], file=file)
    return {
        **values,
        "prompt_set": prompt_set_named(values["prompt_set"]),
        "systems": [system_named(slug) for slug in values["systems"]],
    }


def _check(key: str, value: Any, file: str) -> None:
    if key not in KEYS:
        raise InputRefused(f"unknown key {key!r}", expected=", ".join(KEYS), file=file)
    kind, words = KEYS[key]
    is_right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    if key == "systems" and is_right:
        is_right = all(isinstance(slug, str) for slug in value)
    if not is_right or (isinstance(value, str) and "\x00" in value):
        raise InputRefused(f"{key} is {value!r}", expected=words, file=file)
    low, high = LIMITS.get(key, (0, 0))
    if key in LIMITS and not low <= value <= high:
        raise InputRefused(f"{key} is {value}", expected=f"{low} to {high}", file=file)
    if key in LENGTHS and len(value) > LENGTHS[key]:
        raise InputRefused(
            f"{key} has {len(value)} characters", expected=f"at most {LENGTHS[key]}", file=file
        )
