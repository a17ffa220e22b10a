"""The raters' way in a study's TOML: the tables `[raters]`, `[media]`, `[[gold]]`, `[[survey]]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation.audio_gate.parts import PARTS
from annotation.gold_files import OPTIONAL, REQUIRED, import_gold
from annotation.models import Study
from annotation.survey_files import read_survey
from annotation.value_checks import (
    Check,
    address,
    code,
    flag,
    level,
    money,
    one_of,
    some_of,
    text,
    whole,
)
from annotation.way import set_way
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row


@dataclass(frozen=True, kw_only=True)
class WayTables:
    """What a file says of the raters' way, checked; the golds need the study."""

    settings: dict[str, Any]
    gold: list[Row]

    def apply(self, study: Study) -> None:
        """Set it on a draft. Raises `InputRefused` for a gold that the study cannot have."""
        if self.settings:
            set_way(study, **self.settings)
        if self.gold:
            import_gold(study, self.gold)


#: Keys of `[raters]`: fields of `Way`.
KEYS: dict[str, Check] = {
    "audio_gate": some_of(*PARTS),
    "check_every": whole(2, 1000),
    "repeat_every": whole(2, 1000),
    "qualification_tasks": whole(1, 100),
    "pass_percent": whole(0, 100),
    "attention_limit": whole(1, 100),
    "code_complete": code,
    "code_screened_out": code,
    "code_failed": code,
    "return_url": address,
    "currency": text(3),
    "pay": money,
    "screened_out_pay": money,
    "hourly_pay": money,
    "paid_minutes": whole(1, 24 * 60),
    "bonus": money,
    "bonus_rule": one_of("accuracy", "complete"),
    "bonus_percent": whole(0, 100),
}
#: Keys of `[media]`, of `Way` too.
MEDIA_KEYS: dict[str, Check] = {"loudness": level, "must_play": flag}


def take_way(values: dict[str, Any], *, file: str) -> WayTables:
    """Take the tables out of a parsed file; raise `InputRefused` for the first bad key."""
    gold = values.pop("gold", [])
    settings = {
        **_settings("raters", values.pop("raters", {}), KEYS, file),
        **_settings("media", values.pop("media", {}), MEDIA_KEYS, file),
    }
    if survey := values.pop("survey", None):
        settings["survey"] = read_survey(survey, file=file)
    return WayTables(
        settings=settings,
        gold=[Row(file=file, line=0, values=row) for row in _tables("gold", gold, file)],
    )


def _settings(table: str, values: Any, keys: dict[str, Check], file: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise InputRefused(f"{table} is no table", expected=f"[{table}]", file=file)
    return {key: _checked(table, key, value, keys, file) for key, value in values.items()}


def _checked(table: str, key: str, value: Any, keys: dict[str, Check], file: str) -> Any:
    if key not in keys:
        raise InputRefused(f"unknown key {table}.{key}", expected=", ".join(keys), file=file)
    try:
        return keys[key](value)
    except InputRefused as error:
        raise InputRefused(
            f"{table}.{key} is {error.wrong}", expected=error.expected, file=file
        ) from None


def _tables(name: str, tables: Any, file: str) -> list[dict[str, Any]]:
    known = {*REQUIRED, *OPTIONAL}
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputRefused(f"{name} is no list of tables", expected=f"[[{name}]]", file=file)
    for table in tables:
        if unknown := sorted(table.keys() - known):
            raise InputRefused(
                f"unknown key {name}.{unknown[0]}", expected=", ".join(sorted(known)), file=file
            )
    return tables
