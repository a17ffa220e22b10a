"""Reading `[[survey]]` of a study's TOML: every key is checked, and its place named."""

from __future__ import annotations

import re
from typing import Any

from annotation.survey import KINDS, MAX_QUESTIONS
from annotation.value_checks import Check, one_of, text, whole
from evalsite.lib.exceptions import InputRefused

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_CHOICES = 30


def _key(value: Any) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise InputRefused(repr(value), expected="lower-case letters, digits and _")
    return value


def _choices(value: Any) -> list[str]:
    if not isinstance(value, list) or not 2 <= len(value) <= MAX_CHOICES:
        raise InputRefused(repr(value), expected=f"a list of 2 to {MAX_CHOICES} texts")
    words = [text(200)(word) for word in value]
    if len(set(words)) != len(words):
        raise InputRefused(repr(value), expected="each choice once")
    return words


def _yes_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputRefused(repr(value), expected="true or false")
    return value


KEYS: dict[str, Check] = {
    "key": _key,
    "kind": one_of(*KINDS),
    "question": text(300),
    "choices": _choices,
    "low": whole(-100, 100),
    "high": whole(-100, 100),
    "low_words": text(60),
    "high_words": text(60),
    "required": _yes_no,
}
REQUIRED = ("key", "kind", "question")
#: Only these belong to one kind of question.
_OF_KIND = {
    "choices": "choice",
    "low": "scale",
    "high": "scale",
    "low_words": "scale",
    "high_words": "scale",
}
MAX_STEPS = 11


def read_survey(tables: Any, *, file: str) -> list[dict[str, Any]]:
    """Return the questions as they are stored; raise `InputRefused` for the first bad one."""
    if not isinstance(tables, list) or len(tables) > MAX_QUESTIONS:
        raise InputRefused(
            "survey is no list of questions",
            expected=f"up to {MAX_QUESTIONS} [[survey]]",
            file=file,
        )
    questions = []
    for number, table in enumerate(tables, start=1):
        try:
            questions.append(_question(table))
        except InputRefused as error:
            raise InputRefused(
                f"question {number} of survey: {error.wrong}", expected=error.expected, file=file
            ) from None
    keys = [question["key"] for question in questions]
    if len(set(keys)) != len(keys):
        raise InputRefused("a key of survey occurs twice", expected="distinct keys", file=file)
    return questions


def _question(table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InputRefused("no table", expected="[[survey]]")
    if unknown := sorted(table.keys() - KEYS.keys()):
        raise InputRefused(f"unknown key {unknown[0]}", expected=", ".join(KEYS))
    if missing := [key for key in REQUIRED if key not in table]:
        raise InputRefused(f"{missing[0]} is missing", expected=", ".join(REQUIRED))
    question = {key: _checked(key, value) for key, value in table.items()}
    _check_kind(question)
    return question


def _checked(key: str, value: Any) -> Any:
    try:
        return KEYS[key](value)
    except InputRefused as error:
        raise InputRefused(f"{key} is {error.wrong}", expected=error.expected) from None


def _check_kind(question: dict[str, Any]) -> None:
    kind = question["kind"]
    for key, of_kind in _OF_KIND.items():
        if key in question and kind != of_kind:
            raise InputRefused(f"{key} with kind {kind}", expected=f"kind {of_kind}")
    if kind == "choice" and "choices" not in question:
        raise InputRefused("choices is missing", expected="a list of texts")
    steps = question.get("high", 5) - question.get("low", 1) + 1
    if not 2 <= steps <= MAX_STEPS:
        raise InputRefused(f"a scale of {steps} steps", expected=f"2 to {MAX_STEPS}")
