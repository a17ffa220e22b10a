"""Rules as tables: `[[rules]]` of a study's TOML, and files of amendments."""

from __future__ import annotations

from typing import Any

from annotation.models import Study
from annotation.quality.measures import MEASURES, Measure, Needs
from annotation.quality.reading import offers
from annotation.quality.rule_sets import RULE_SETS, WITH_ANCHOR
from annotation.quality.rules import LEAST_PER, MAX_LEAST, MAX_PER, RuleSpec
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import is_storable

REQUIRED = ("name", "measure", "threshold")
OPTIONAL = ("least", "per", "beyond_doubt", "system")
MAX_RULES = 50
MAX_NAME = 60
#: What judgments are called that people or files exclude.
_RESERVED = ("by hand",)


def read_rules(tables: Any, *, file: str, study: Study) -> list[RuleSpec]:
    """Return the rules of the tables; raise `InputRefused` for the first bad one.

    A table is a rule, or `set = "..."`, which stands for ready-made ones. A rule that the study
    offers nothing to measure for is refused, not skipped.
    """
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputRefused("rules is no list of tables", expected="[[rules]]", file=file)
    rules: list[RuleSpec] = []
    for table in tables:
        rules += _set(table, file, study) if "set" in table else [_rule(table, file)]
    for rule in rules:
        _check_offered(rule.of.needs, f"rule {rule.name!r}", file, study)
    _check_systems(rules, file, study)
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):
        raise InputRefused("two rules have one name", expected="different names", file=file)
    if len(rules) > MAX_RULES:
        raise InputRefused(f"{len(rules)} rules", expected=f"at most {MAX_RULES}", file=file)
    return rules


def _set(table: dict[str, Any], file: str, study: Study) -> list[RuleSpec]:
    name = table["set"]
    more = table.keys() - {"set"}
    if more and not (name == WITH_ANCHOR[0] and more == {WITH_ANCHOR[1]}):
        expected = f"set alone, or {WITH_ANCHOR[1]} beside the set {WITH_ANCHOR[0]!r}"
        raise InputRefused("rules.set stands with other keys", expected=expected, file=file)
    if not isinstance(name, str) or name not in RULE_SETS:
        expected = "one of " + ", ".join(RULE_SETS)
        raise InputRefused(f"unknown set of rules {name!r}", expected=expected, file=file)
    needs, make = RULE_SETS[name]
    _check_offered(needs, f"the set of rules {name!r}", file, study)
    return make(offers(study), **({"anchor": _slug(table["anchor"], file)} if more else {}))


def _check_systems(rules: list[RuleSpec], file: str, study: Study) -> None:
    """Raise for a system that the study has not, and for a second one: there is one mid anchor."""
    has_own = Needs.ANCHOR in offers(study)
    for rule in rules:
        if bool(rule.system) != (rule.of.of_system and not has_own):
            expected = "one with anchor_high, and with no other measure"
            if has_own:
                expected = "none: the study makes a mid anchor from the reference"
            wrong = f"rules.system is {rule.system!r} with {rule.measure}"
            raise InputRefused(wrong, expected=expected, file=file)
    named = {rule.system for rule in rules if rule.system}
    named |= set(study.rules.in_force().exclude(system="").values_list("system", flat=True))
    known = set(study.systems.values_list("slug", flat=True))
    if unknown := sorted(named - known):
        expected = "the slug of a system of the study"
        raise InputRefused(f"unknown system {unknown[0]!r}", expected=expected, file=file)
    if len(named) > 1:
        raise InputRefused(f"{len(named)} mid anchors", expected="one for a study", file=file)


def _check_offered(needs: Needs, what: str, file: str, study: Study) -> None:
    if needs not in offers(study):
        raise InputRefused(
            f"{what} needs {needs.value}, which a study of protocol {study.protocol} has not",
            expected="rules that fit the protocol",
            file=file,
        )


def _rule(table: dict[str, Any], file: str) -> RuleSpec:
    known = {*REQUIRED, *OPTIONAL}
    if unknown := sorted(table.keys() - known):
        expected = "set, or " + ", ".join((*REQUIRED, *OPTIONAL))
        raise InputRefused(f"unknown key rules.{unknown[0]}", expected=expected, file=file)
    for key in REQUIRED:
        if key not in table:
            raise InputRefused(f"rules.{key} is missing", expected=", ".join(REQUIRED), file=file)
    measure = table["measure"]
    if not isinstance(measure, str) or measure not in MEASURES:
        expected = "one of " + ", ".join(MEASURES)
        raise InputRefused(f"rules.measure is {measure!r}", expected=expected, file=file)
    rule = RuleSpec(
        name=_name(table["name"], file),
        measure=measure,
        threshold=_threshold(table["threshold"], MEASURES[measure], file),
        least=_whole("least", table.get("least", 1), 1, MAX_LEAST, file),
        per=_whole("per", table["per"], LEAST_PER, MAX_PER, file) if "per" in table else 0,
        beyond_doubt=_flag(table.get("beyond_doubt", True), file),
        system=_slug(table["system"], file) if "system" in table else "",
    )
    if rule.per and rule.of.of_judgments:
        wrong = f"rules.per stands with {measure}, which is of single judgments"
        raise InputRefused(wrong, expected="no per", file=file)
    return rule


def _slug(value: Any, file: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise InputRefused(f"{value!r} is no slug", expected="the slug of a system", file=file)
    return value


def _name(value: Any, file: str) -> str:
    if not isinstance(value, str) or not value.strip() or not is_storable(value):
        raise InputRefused(f"rules.name is {value!r}", expected="a text", file=file)
    if len(value) > MAX_NAME or value in _RESERVED:
        expected = f"at most {MAX_NAME} characters, and not {_RESERVED[0]!r}"
        raise InputRefused(f"rules.name is {value[:70]!r}", expected=expected, file=file)
    return value


def _threshold(value: Any, measure: Measure, file: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    low, high = measure.limits
    # Not a number is within no limits.
    if not is_number or not low <= value <= high:
        expected = f"a number, {low:g} to {high:g}, with {measure.name}"
        raise InputRefused(f"rules.threshold is {value!r}", expected=expected, file=file)
    return float(value)


def _whole(key: str, value: Any, low: int, high: int, file: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        expected = f"a whole number, {low} to {high}"
        raise InputRefused(f"rules.{key} is {value!r}", expected=expected, file=file)
    return value


def _flag(value: Any, file: str) -> bool:
    if not isinstance(value, bool):
        wrong = f"rules.beyond_doubt is {value!r}"
        raise InputRefused(wrong, expected="true or false", file=file)
    return value
