"""Applying a study's rules: what they would exclude is shown first, and is what is then done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.contrib.auth.models import User

from annotation.exceptions import RulesChanged
from annotation.models import Exclusion, Study
from annotation.quality.assessment import RuleState, findings, forget, study_columns
from annotation.quality.rules import Finding
from evalsite.lib.db import write_transaction

_BATCH = 2000

#: Rule, rater (None: a judgment is named), judgment.
_Key = tuple[str, int | None, int | None]


@dataclass(frozen=True, kw_only=True)
class NewExclusion:
    """What a rule hits; keys. `judgment` is None where all of the rater is meant."""

    rule: str
    rater: int
    judgment: int | None
    reason: str

    @property
    def key(self) -> _Key:
        return self.rule, None if self.judgment else self.rater, self.judgment


@dataclass(frozen=True, kw_only=True)
class Application:
    """What applying the rules does, or would do."""

    #: The newest judgment that was looked at, and the rules, by key: to do what was shown.
    newest: int
    rules: list[int]
    new: list[NewExclusion]
    #: Hits that the rule has excluded already, and those that were lifted: they stay lifted.
    standing: int
    lifted: int
    alarms: list[str]

    @property
    def raters(self) -> int:
        """How many raters are left out whole; two rules may name one."""
        return len({row.rater for row in self.new if row.judgment is None})

    @property
    def judgments(self) -> int:
        """How many single judgments are left out."""
        return len({row.judgment for row in self.new if row.judgment is not None})


def preview_rules(study: Study, *, upto: int | None = None) -> Application:
    """Return what `apply_rules` would do, and do nothing.

    With `upto`, what it would have done when that judgment was the newest.
    """
    rules = list(study.rules.in_force().order_by("pk").values_list("pk", flat=True))
    read = study_columns(study, upto=upto)
    found = findings(study, read)
    rows = [row for finding in found for row in _rows(finding, read.raters)]
    known = _known(study)
    is_standing = [known[row.key] for row in rows if row.key in known]
    return Application(
        newest=read.newest,
        rules=rules,
        new=[row for row in rows if row.key not in known],
        standing=sum(is_standing),
        lifted=len(is_standing) - sum(is_standing),
        alarms=[words for f in found if (words := RuleState.of(f).alarm_in_words)],
    )


def _rows(finding: Finding, raters: list[int]) -> list[NewExclusion]:
    return [
        NewExclusion(
            rule=finding.rule.name,
            rater=raters[hit.rater],
            judgment=hit.judgment,
            reason=hit.reason,
        )
        for hit in finding.hits()
    ]


def _known(study: Study) -> dict[_Key, bool]:
    """Return what rules have excluded, and whether that is in force."""
    rows = study.exclusions.filter(by_rule=True).values_list(
        "rule", "rater", "judgment", "lifted_at"
    )
    return {
        (rule, None if judgment else rater, judgment): lifted is None
        for rule, rater, judgment, lifted in rows
    }


def apply_rules(
    study: Study,
    *,
    by: User | None = None,
    upto: int | None = None,
    rules: list[int] | None = None,
) -> Application:
    """Exclude what the rules hit, once each: what was lifted stays lifted. Nothing is deleted.

    The judgments are read before anything is locked. With `upto` and `rules` of a preview, does
    what that showed. Raises `RulesChanged` where the rules are not those any more.
    """
    found = preview_rules(study, upto=upto)
    if rules is not None and rules != found.rules:
        raise RulesChanged
    _store(study, found, by)
    forget(study)
    return found


@write_transaction()
def _store(study: Study, found: Application, by: User | None) -> None:
    # Locked, so that two that apply the rules at once take turns, and a retired rule does nothing.
    locked = study.rules.in_force().select_for_update().order_by("pk")
    if [rule.pk for rule in locked] != found.rules:
        raise RulesChanged
    known = _known(study)
    new = [row for row in found.new if row.key not in known]
    Exclusion.objects.bulk_create(
        (
            Exclusion(
                study=study,
                rater_id=row.rater,
                judgment_id=row.judgment,
                rule=row.rule,
                by_rule=True,
                reason=row.reason,
                by=by,
            )
            for row in new
        ),
        batch_size=_BATCH,
    )
    if new:
        study.log("rules applied", by=by, excluded=dict(Counter(row.rule for row in new)))
