"""What researchers do to studies and raters. See also `launch.py` and `assignments.py`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now
from django.utils.translation import gettext, override

from annotation.exceptions import StudyNotLaunched, StudyNotOpen
from annotation.models import (
    Assignment,
    Exclusion,
    Judgment,
    Rater,
    Study,
    StudySystem,
    TaskOutput,
)
from annotation.models.studies import languages
from annotation.protocols import PROTOCOLS
from annotation.redaction import check_left_out, check_words
from annotation.stretches import leave_out
from annotation.way import set_way
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.slugs import free_slug
from generation.models import PromptSet, System

MAX_INVITES = 1000
MAX_GROUP = 60
MAX_SEED = 2**63 - 1


@write_transaction()
def create_study(
    *,
    owner: User,
    name: str,
    protocol: str,
    prompt_set: PromptSet,
    systems: Sequence[System],
    title: str = "",
    question: str = "",
    slug: str = "",
    seed: int | None = None,
    options: Any = None,
    way: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Study:
    """Make a draft. `settings` are the study's other fields, by name.

    `options` are the protocol's own, `way` is what is set of its raters' way. Raises
    `InputRefused` for a taken slug, an unknown protocol, options that it does not take, systems
    that are not distinct, and a pairing that does not go with the rest.
    """
    if protocol not in PROTOCOLS:
        raise InputRefused(f"unknown protocol {protocol!r}", expected=" or ".join(PROTOCOLS))
    kind = PROTOCOLS[protocol]
    language = settings.get("language", "en")
    if language not in dict(languages()):
        raise InputRefused(
            f"unknown language {language!r}", expected=" or ".join(dict(languages()))
        )
    if len({system.pk for system in systems}) != len(systems) or not systems:
        raise InputRefused("the systems are not distinct", expected="one or more, each once")
    check_pairing(
        protocol=protocol,
        pairing=settings.get("pairing", Study.Pairing.FULL),
        task_budget=settings.get("task_budget"),
    )
    settings["redact"] = check_words(settings.get("redact", []))
    settings["left_out"] = check_left_out(prompt_set, settings.get("left_out", []))
    with override(language):  # what is left out is written in the study's language
        title = title or gettext(kind.title)
        question = question or gettext(kind.question)
        stored = kind.parse({} if options is None else options).stored()
    study = Study.objects.create(
        owner=owner,
        name=name,
        slug=free_slug(Study.objects.all(), name, slug=slug),
        title=title,
        protocol=protocol,
        question=question,
        options=stored,
        prompt_set=prompt_set,
        seed=secrets.randbelow(MAX_SEED) if seed is None else seed,
        **settings,
    )
    StudySystem.objects.bulk_create(
        StudySystem(study=study, system=system, position=position)
        for position, system in enumerate(systems)
    )
    if way:
        set_way(study, **way)
    study.log("created", by=owner)
    return study


def check_pairing(*, protocol: str, pairing: str, task_budget: int | None) -> None:
    """Raise `InputRefused` unless the three go together."""
    if pairing not in Study.Pairing.values:
        expected = ", ".join(Study.Pairing.values[:-1]) + f" or {Study.Pairing.values[-1]}"
        raise InputRefused(f"unknown pairing {pairing!r}", expected=expected)
    if pairing == Study.Pairing.FULL:
        if task_budget is not None:
            raise InputRefused("task_budget with full pairing", expected="block or adaptive")
        return
    if pairing == Study.Pairing.ADAPTIVE and protocol != Study.Protocol.PAIRWISE:
        raise InputRefused(f"adaptive pairing with protocol {protocol}", expected="pairwise")
    if task_budget is None:
        raise InputRefused(
            "task_budget is missing", expected=f"how many tasks {pairing} pairing asks in all"
        )


@write_transaction()
def delete_draft(study: Study) -> None:
    """Delete a study that was never launched. A launched one stays, whatever it shows."""
    _require(study, Study.State.DRAFT)
    study.delete()


@write_transaction()
def pause_study(study: Study, *, by: User | None = None) -> None:
    """Hand out no more tasks; what is on a screen may still be answered."""
    _move(study, [Study.State.OPEN], Study.State.PAUSED, "paused", by)


@write_transaction()
def resume_study(study: Study, *, by: User | None = None) -> None:
    _move(study, [Study.State.PAUSED], Study.State.OPEN, "resumed", by)


@write_transaction()
def close_study(study: Study, *, by: User | None = None) -> None:
    """End the rating for good."""
    _move(study, [Study.State.OPEN, Study.State.PAUSED], Study.State.CLOSED, "closed", by)
    Study.objects.filter(pk=study.pk).update(closed_at=now())
    study.refresh_from_db()


def _move(
    study: Study, before: list[Study.State], after: Study.State, what: str, by: User | None
) -> None:
    if not Study.objects.filter(pk=study.pk, state__in=before).update(state=after):
        raise StudyNotOpen(f"The study cannot be {what}: it is {study.state}.")
    study.refresh_from_db()
    study.log(what, by=by)


def _require(study: Study, state: Study.State) -> None:
    if study.state != state:
        raise StudyNotOpen(f"The study is {study.state}, not {state.value}.")


@write_transaction()
def invite_raters(
    study: Study,
    *,
    count: int,
    names: Sequence[str] = (),
    group: str = "",
    by: User | None = None,
) -> list[Rater]:
    """Make raters, whose `invite_token` is their link; without names they are numbered.

    Results can be read by `group`.
    """
    if study.state in (Study.State.DRAFT, Study.State.CLOSED):
        raise StudyNotOpen
    if not 1 <= count <= MAX_INVITES:
        raise InputRefused(f"{count} raters", expected=f"1 to {MAX_INVITES}")
    taken = set(study.raters.values_list("name", flat=True))
    wanted = list(names) or _numbered(taken, count)
    raters = [
        Rater(
            study=study,
            name=name,
            group=check_group(group),
            cursor=secrets.randbelow(max(1, study.slot_count)),
        )
        for name in wanted
    ]
    Rater.objects.bulk_create(raters)
    study.log("raters invited", by=by, count=len(raters), group=group)
    return raters


def check_group(group: str) -> str:
    """Return the name of a group of raters; raise `InputRefused` where it is too long."""
    if len(group) > MAX_GROUP:
        raise InputRefused(
            f"a group's name of {len(group)} characters", expected=f"at most {MAX_GROUP}"
        )
    return group


def _numbered(taken: set[str], count: int) -> list[str]:
    names: list[str] = []
    number = len(taken)
    while len(names) < count:
        number += 1
        if (name := f"Rater {number}") not in taken:
            names.append(name)
    return names


@write_transaction()
def revoke_rater(rater: Rater, *, by: User | None = None) -> None:
    """Take the link back. What was judged stays; what is on the screen is open again."""
    Rater.objects.filter(pk=rater.pk, revoked_at=None).update(revoked_at=now())
    rater.assignments.filter(state=Assignment.State.CLAIMED).give_back()
    rater.study.log("rater's link revoked", by=by, rater=rater.name)


@write_transaction()
def exclude(
    *,
    rater: Rater,
    rule: str,
    reason: str,
    judgment: Judgment | None = None,
    by: User | None = None,
) -> Exclusion:
    """Leave out one judgment, or all of a rater, for a stated reason. Nothing is deleted."""
    if not reason.strip():
        raise InputRefused("no reason is given", expected="why this does not count")
    if rater.exclusions.filter(judgment=judgment, lifted_at=None).exists():
        raise InputRefused("that is excluded already", expected="what still counts")
    return Exclusion.objects.create(
        study=rater.study, rater=rater, judgment=judgment, rule=rule, reason=reason, by=by
    )


@write_transaction()
def lift_exclusion(exclusion: Exclusion, *, by: User | None = None) -> None:
    Exclusion.objects.filter(pk=exclusion.pk, lifted_at=None).update(lifted_at=now())
    exclusion.study.log("exclusion lifted", by=by, rater=exclusion.rater.name)


def withdraw_system(study: Study, *, system: System, reason: str, by: User | None = None) -> None:
    """Ask no more about a system. It stays in the report, and the log says why it went.

    In two transactions, because raters lock a slot before the study, where tasks are to be made.
    If the second was cut off, a call for any of the study's systems makes it up.
    """
    if study.state == Study.State.DRAFT:
        raise StudyNotLaunched
    is_new = _mark_withdrawn(study, system, reason, by)
    _withdraw_slots(study)
    if not is_new:
        raise InputRefused("the system is not in the study", expected="one that is")


@write_transaction()
def _mark_withdrawn(study: Study, system: System, reason: str, by: User | None) -> bool:
    # The lock of whoever makes tasks: none of this system is made after this.
    locked = study.locked()
    found = study.study_systems.filter(system=system, withdrawn_at=None)
    if not found.update(withdrawn_at=now()):
        return False
    golds = study.golds.filter(Q(task__system_a=system) | Q(task__system_b=system))
    golds.update(is_withdrawn=True)
    leave_out(locked)
    study.design_left_out = locked.design_left_out
    study.log("system withdrawn", by=by, system=system.slug, reason=reason)
    return True


@write_transaction()
def _withdraw_slots(study: Study) -> None:
    """Withdraw what is not judged yet, also what is on a screen: it would be handed out again."""
    gone = study.study_systems.exclude(withdrawn_at=None).values("system")
    places = TaskOutput.objects.filter(task=OuterRef("task"), system__in=gone)
    shown = Q(task__system_a__in=gone) | Q(task__system_b__in=gone) | Exists(places)
    unanswered = [Assignment.State.OPEN, Assignment.State.WAITING, Assignment.State.CLAIMED]
    found = 1
    while found:  # again, for the slot that replaces one which was being skipped just then
        found = study.assignments.filter(shown, state__in=unanswered).update(
            state=Assignment.State.WITHDRAWN, rater=None, claimed_at=None, lease_until=None
        )
