"""Declaring rules and retiring them: frozen at launch, amended by name and reason after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.utils.timezone import now

from annotation.models import Rule, Study
from annotation.quality.assessment import forget
from annotation.quality.rule_files import MAX_RULES
from annotation.quality.rules import RuleSpec
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused


@write_transaction()
def declare_rules(
    study: Study, rules: Sequence[RuleSpec], *, by: User | None = None, reason: str = ""
) -> None:
    """Add rules. Those of a draft are frozen at launch; later ones are amendments, with a reason.

    Raises `InputRefused` for a name that the study has had already, and for an amendment without
    a reason.
    """
    # Locked, so that a launch at the same time freezes them or comes before them.
    is_amendment = study.locked().state != Study.State.DRAFT
    if is_amendment and not reason.strip():
        raise InputRefused("no reason is given", expected="why the rules change after the launch")
    taken = set(study.rules.values_list("name", flat=True))
    if double := next((rule.name for rule in rules if rule.name in taken), None):
        raise InputRefused(
            f"the study has had a rule {double!r}", expected="a new name for a new rule"
        )
    if len(taken) + len(rules) > MAX_RULES:
        raise InputRefused(f"{len(taken) + len(rules)} rules", expected=f"at most {MAX_RULES}")
    Rule.objects.bulk_create(
        Rule(study=study, is_amendment=is_amendment, **asdict(rule)) for rule in rules
    )
    if is_amendment:
        for rule in rules:
            study.log("rule added", by=by, rule=asdict(rule), reason=reason)
    forget(study)


@write_transaction()
def retire_rule(rule: Rule, *, reason: str, by: User | None = None) -> int:
    """Apply a rule no more, and lift what it excluded; return how many exclusions that were."""
    if not reason.strip():
        raise InputRefused("no reason is given", expected="why the rule is retired")
    study, moment = rule.study, now()
    if not Rule.objects.in_force().filter(pk=rule.pk).update(retired_at=moment):
        raise InputRefused("the rule is retired already", expected="one that is in force")
    own = study.exclusions.in_force().filter(by_rule=True, rule=rule.name)
    lifted = own.update(lifted_at=moment)
    study.log("rule retired", by=by, rule=rule.name, reason=reason, exclusions_lifted=lifted)
    forget(study)
    return lifted


@write_transaction()
def drop_rule(rule: Rule) -> None:
    """Take back a rule of a draft, as if it had not been declared.

    Raises `InputRefused` once the study is launched: then rules are retired.
    """
    if rule.study.locked().state != Study.State.DRAFT:
        raise InputRefused("the study is launched", expected="a rule of a draft, or to retire it")
    rule.delete()


def plan_of_rules(study: Study) -> list[dict[str, Any]]:
    """Return what is frozen of the rules at launch: the pre-declared ones."""
    return [asdict(rule.spec) for rule in study.rules.filter(is_amendment=False).order_by("pk")]
