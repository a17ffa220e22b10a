"""The raters' way in a study's TOML: the tables `[raters]`, `[[gold]]` and `[[survey]]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation.gold_files import OPTIONAL, REQUIRED, import_gold
from annotation.models import Study
from annotation.survey_files import read_survey
from annotation.value_checks import Check, address, code, money, one_of, text, whole
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


def take_way(values: dict[str, Any], *, file: str) -> WayTables:
    """Take the tables out of a parsed file; raise `InputRefused` for the first bad key."""
    raters, gold = values.pop("raters", {}), values.pop("gold", [])
    if not isinstance(raters, dict):
        raise InputRefused("raters is no table", expected="[raters]", file=file)
    settings = {key: _checked(key, value, file) for key, value in raters.items()}
    if survey := values.pop("survey", None):
        settings["survey"] = read_survey(survey, file=file)
    return WayTables(
        settings=settings,
        gold=[Row(file=file, line=0, values=row) for row in _tables("gold", gold, file)],
    )


def _checked(key: str, value: Any, file: str) -> Any:
    if key not in KEYS:
        raise InputRefused(f"unknown key raters.{key}", expected=", ".join(KEYS), file=file)
    try:
        return KEYS[key](value)
    except InputRefused as error:
        raise InputRefused(
            f"raters.{key} is {error.wrong}", expected=error.expected, file=file
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
