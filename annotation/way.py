"""A study's additions to the raters' way: set on a draft, checked and frozen at launch."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

from annotation.exceptions import StudyNotDraft
from annotation.models import Gold, Study, Way
from evalsite.lib.db import write_transaction
from evalsite.lib.text import sha256

#: How often the qualification may be tried.
ATTEMPTS = 2
#: What of it is frozen at launch.
FROZEN = (
    "check_every", "repeat_every", "qualification_tasks", "pass_percent", "attention_limit",
    "survey", "currency", "pay", "screened_out_pay", "hourly_pay", "paid_minutes", "bonus",
    "bonus_rule", "bonus_percent",
)  # fmt: skip


@write_transaction()
def set_way(study: Study, **settings: Any) -> Way:
    """Set what is given, by the names of `Way`'s fields; raise `StudyNotDraft` after launch."""
    if study.state != Study.State.DRAFT:
        raise StudyNotDraft
    Way.objects.update_or_create(study=study, defaults=settings)
    study.refresh_from_db()
    return study.way


def count_golds(study: Study) -> None:
    """Note how many golds of each kind there are: pages must not count them again and again."""
    if not study.golds.exists():
        return
    counts = _counts(study)
    counted = {
        "check_count": counts[Gold.Kind.GOLD] + counts[Gold.Kind.ATTENTION],
        "training_count": counts[Gold.Kind.TRAINING],
    }
    Way.objects.update_or_create(study=study, defaults=counted)
    study.refresh_from_db()


def way_problems(study: Study) -> list[str]:
    """Say why the draft cannot be launched as its raters' way is set."""
    counts, way = _counts(study), study.way
    problems = []
    checks = counts[Gold.Kind.GOLD] + counts[Gold.Kind.ATTENTION]
    if way.check_every and not checks:
        problems.append("One task in so many is to be a check, but there is no gold task.")
    if checks and not way.check_every:
        problems.append("There are gold tasks, but no rate at which to mix them in.")
    if way.attention_limit and not counts[Gold.Kind.ATTENTION]:
        problems.append("Missed attention tasks are to fail a rater, but there are none.")
    if bool(way.hourly_pay) != bool(way.paid_minutes) or (way.hourly_pay and way.pay):
        problems.append("Pay by the hour needs hourly_pay and paid_minutes, and no other pay.")
    if study.pairing == Study.Pairing.ADAPTIVE and _asks_golds(study):
        problems.append("Gold tasks of an adaptive study must be about systems outside of it.")
    return problems + _qualification_problems(way.qualification_tasks, counts)


def _asks_golds(study: Study) -> bool:
    """Return whether a round might ask what has a known answer."""
    own = set(study.systems.values_list("pk", flat=True))
    return any({a, b} <= own for _, a, b in gold_pairs(study))


def _qualification_problems(asked: int, counts: Counter[str]) -> list[str]:
    there = counts[Gold.Kind.QUALIFICATION]
    if there and not asked:
        return ["There are qualification tasks, but it is not said how many an attempt has."]
    if there < ATTEMPTS * asked:
        return [
            f"The qualification has {ATTEMPTS} attempts of {asked} tasks, each met once: it needs "
            f"{ATTEMPTS * asked} tasks, not {there}."
        ]
    return []


def gold_pairs(study: Study) -> set[tuple[int, int, int | None]]:
    """Return prompt, first and second system of the tasks that are gold: no others are made."""
    golds = study.tasks.filter(is_gold=True)
    return set(golds.values_list("prompt", "system_a", "system_b"))


def plan_of_way(study: Study) -> dict[str, Any]:
    """Return what is frozen of it. Of the known answers only a hash: a plan may be published."""
    golds = study.golds.order_by("pk").values_list(
        "kind", "expected", "feedback", "task__prompt__key", "task__hash_a", "task__hash_b"
    )
    return {
        **{field: _plain(getattr(study.way, field)) for field in FROZEN},
        "known_answers": dict(_counts(study)),
        "known_answers_hash": sha256(json.dumps(list(golds), ensure_ascii=False)),
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _counts(study: Study) -> Counter[str]:
    return Counter(study.golds.values_list("kind", flat=True))
