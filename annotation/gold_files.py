"""Tasks with a known answer, from a file or a study's TOML: all are stored, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils.timezone import now

from annotation.exceptions import StudyNotDraft
from annotation.models import Gold, Side, Study, Task
from annotation.protocols import protocol_of
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row
from generation.models import Output, Prompt, System

#: A JSON line or a TOML table may hold a list; a cell of CSV separates by this.
SEPARATOR = "|"
#: Protocols whose answer is one choice that can be known beforehand.
PROTOCOLS = ("pairwise", "mos", "dcr")
REQUIRED = ("prompt_id", "expected", "kind")
OPTIONAL = ("system_a", "system_b", "system", "feedback")
MAX_GOLD = 2000
_MAX_FEEDBACK = 5000


@dataclass(frozen=True, kw_only=True)
class _Names:
    """What a row may name: the study's prompts, its owner's systems."""

    prompts: dict[str, Prompt]
    systems: dict[str, System]
    #: Places of the study's own systems: within a task they stand in this order.
    place: dict[int, int]


@write_transaction()
def import_gold(study: Study, rows: Iterable[Row]) -> int:
    """Add tasks with a known answer to a draft; return how many.

    A pair that the study itself would ask becomes gold and is asked for the result no more.
    Systems outside the study may be named. Raises `InputRefused` for the first bad row, and
    `StudyNotDraft`: after the launch nothing may be added.
    """
    if study.state != Study.State.DRAFT:
        raise StudyNotDraft
    if study.protocol not in PROTOCOLS or not protocol_of(study).is_one_press:
        raise InputRefused(
            f"a {study.protocol} answer as this study asks for it cannot be known beforehand",
            expected=f"one choice, in {', '.join(PROTOCOLS)}",
        )
    names = _names(study)
    for count, row in enumerate(rows, start=study.golds.count() + 1):
        if count > MAX_GOLD:
            raise row.refuse(f"{count} rows", expected=f"at most {MAX_GOLD} for a study")
        _store(study, row, names)
    return study.golds.count()


def _names(study: Study) -> _Names:
    own = list(study.systems.order_by("study_systems__position"))
    others = System.objects.owned_by(study.owner).exclude(pk__in=[s.pk for s in own])
    systems: dict[str, System] = {}
    # A name that two systems share means the study's own.
    for system in (*others, *own):
        systems[system.name] = system
    for system in (*others, *own):
        systems[system.slug] = system
    return _Names(
        prompts={p.key: p for p in study.prompt_set.prompts.defer("text", "html")},
        systems=systems,
        place={system.pk: place for place, system in enumerate(own)},
    )


def _store(study: Study, row: Row, names: _Names) -> None:
    key = row.text("prompt_id")
    if key not in names.prompts:
        raise row.refuse(f"unknown prompt_id {key!r}", expected="an id of the study's prompt set")
    is_pair = protocol_of(study).has_sides
    systems = [
        _system(row, column, names)
        for column in (("system_a", "system_b") if is_pair else ("system",))
    ]
    is_flipped = is_pair and _is_flipped(row, systems, names)
    task = _task(study, row, names.prompts[key], systems[::-1] if is_flipped else systems)
    Gold.objects.create(
        study=study,
        task=task,
        kind=row.one_of("kind", Gold.Kind.values),
        expected=_expected(study, row, is_pair=is_pair, is_flipped=is_flipped),
        feedback=row.text("feedback", required=False)[:_MAX_FEEDBACK],
    )


def _system(row: Row, column: str, names: _Names) -> System:
    name = row.text(column)
    if name not in names.systems:
        raise row.refuse(f"unknown system {name!r}", expected="one of your systems")
    return names.systems[name]


def _is_flipped(row: Row, systems: list[System], names: _Names) -> bool:
    """Return whether the row names the pair the other way round than a task would."""
    if systems[0].pk == systems[1].pk:
        raise row.refuse("system_a and system_b are one system", expected="two")
    last = len(names.place)
    first, second = (names.place.get(system.pk, last) for system in systems)
    return first > second


def _task(study: Study, row: Row, prompt: Prompt, systems: list[System]) -> Task:
    outputs = [_output(study, row, prompt, system) for system in systems]
    second = outputs[1] if len(outputs) > 1 else None
    pair = {
        "prompt": prompt,
        "system_a": systems[0],
        "system_b": systems[1] if second else None,
    }
    if study.tasks.filter(**pair).exists():
        raise row.refuse("that task is there already", expected="each task once")
    return Task.objects.create(
        study=study,
        output_a=outputs[0],
        output_b=second,
        hash_a=outputs[0].text_hash,
        hash_b=second.text_hash if second else "",
        is_gold=True,
        ready_at=now(),
        **pair,
    )


def _output(study: Study, row: Row, prompt: Prompt, system: System) -> Output:
    done = Output.objects.done().filter(Q(sample=study.sample) | Q(sample=0))
    # A system made for checks may have a single sample.
    found = done.filter(prompt=prompt, system=system).order_by("-sample").first()
    if found is None:
        raise row.refuse(
            f"{system.name} has no finished output for prompt {prompt.key!r}",
            expected="systems whose outputs are there",
        )
    return found


def _expected(study: Study, row: Row, *, is_pair: bool, is_flipped: bool) -> list[str]:
    """Return the right answers; a and b as the task has them."""
    given = row.values.get("expected")
    values = given if isinstance(given, list) else row.text("expected").split(SEPARATOR)
    words = [str(value).strip() for value in values]
    (part,) = protocol_of(study).parts(question=study.question, count=0)
    allowed = [choice.value for choice in part.choices]
    allowed += Side.values if is_pair else []
    for word in words:
        if word not in allowed:
            raise row.refuse(f"expected is {word!r}", expected="one of " + ", ".join(allowed))
    if not words or len(set(words)) == len(allowed):
        raise InputRefused("expected says nothing", expected="some of the answers, not all")
    other = {"a": "b", "b": "a"}
    return sorted({other.get(word, word) if is_flipped else word for word in words})
