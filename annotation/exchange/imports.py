"""Judgments from elsewhere: every row of the file is stored, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.timezone import now

from annotation.exchange.lines import Line, protocol_for, read_lines
from annotation.models import Exclusion, Judgment, Rater, Study, StudySystem, Task, TaskOutput
from annotation.plays import renumbered_plays
from annotation.protocols import Protocol, protocol_of
from annotation.protocols.base import OTHER
from evalsite.lib.db import write_transaction
from evalsite.lib.slugs import free_slug
from evalsite.lib.tabular import Row
from generation.models import Output, Prompt, PromptSet, System
from generation.services import create_prompt_set, create_system

_BATCH = 2000

Key = tuple[int, tuple[int, ...]]


@dataclass(kw_only=True)
class _Index:
    """What a study has, by the names in the file."""

    prompts: dict[str, Prompt]
    systems: dict[str, System]
    place: dict[int, int]
    raters: dict[str, Rater]
    #: By prompt and systems, in the order of the task's places.
    tasks: dict[Key, Task] = field(default_factory=dict)
    #: How many groups each prompt has.
    groups: Counter[int] = field(default_factory=Counter)


def import_judgments(*, study: Study, rows: Iterable[Row], create: bool = False) -> int:
    """Add the rows to an existing study; return how many. The first bad row refuses all.

    With `create`, raters and tasks that are missing are made; systems and prompts must be there.
    """
    # Before the transaction: to read a large file must not keep raters waiting.
    lines = read_lines(rows, protocol_of(study))
    with write_transaction():
        # The lock of whoever makes tasks: none is made twice.
        study.locked()
        return _store(study, lines, create=create)


def create_study_with_judgments(*, owner: User, slug: str, rows: Iterable[Row]) -> Study:
    """Make a closed study, its prompt set, systems and raters from the rows, and store them.

    Names are kept verbatim; slugs are derived.
    """
    every = list(rows)
    protocol = protocol_for(every)
    return _create_study(owner, slug, protocol, read_lines(every, protocol))


@write_transaction()
def _create_study(owner: User, slug: str, protocol: Protocol, lines: list[Line]) -> Study:
    moment = now()
    study = Study.objects.create(
        owner=owner,
        slug=free_slug(Study.objects.all(), slug, slug=slug),
        name=slug,
        title="Imported",
        question=protocol.question,
        protocol=protocol.name,
        options=protocol.stored(),
        prompt_set=_prompt_set(owner, slug, lines),
        state=Study.State.CLOSED,
        launched_at=moment,
        closed_at=moment,
    )
    for position, name in enumerate(dict.fromkeys(n for line in lines for n in line.systems)):
        StudySystem.objects.create(study=study, system=_system(owner, name), position=position)
    study.log("imported", by=owner, file=lines[0].row.file)
    _store(study, lines, create=True)
    return study


def _prompt_set(owner: User, slug: str, lines: list[Line]) -> PromptSet:
    prompts: dict[str, str] = {}
    for line in lines:
        prompts.setdefault(line.prompt, line.category)
    rows = [
        Row(
            file=lines[0].row.file,
            line=number,
            values={"id": key, "prompt": key, "category": category},
        )
        for number, (key, category) in enumerate(prompts.items(), start=1)
    ]
    return create_prompt_set(owner=owner, name=slug, rows=rows)


def _system(owner: User, name: str) -> System:
    found = list(System.objects.owned_by(owner).filter(Q(name=name) | Q(slug=name))[:2])
    if len(found) == 1:
        return found[0]
    return create_system(owner=owner, name=name, backend=System.Backend.IMPORTED)


def _store(study: Study, lines: list[Line], *, create: bool) -> int:
    index = _index(study)
    _add_raters(study, index, lines, create=create)
    _add_tasks(study, index, lines, create=create)
    protocol = protocol_of(study)
    judgments = Judgment.objects.bulk_create(
        (_judgment(study, protocol, index, line) for line in lines), batch_size=_BATCH
    )
    Exclusion.objects.bulk_create(
        Exclusion(
            study=study,
            rater=judgment.rater,
            judgment=judgment,
            rule=line.excluded,
            reason="excluded in the imported file",
        )
        for line, judgment in zip(lines, judgments, strict=True)
        if line.excluded
    )
    return len(judgments)


def _index(study: Study) -> _Index:
    systems = list(study.systems.order_by("study_systems__position"))
    return _Index(
        prompts={prompt.key: prompt for prompt in study.prompt_set.prompts.defer("html")},
        systems={s.name: s for s in systems} | {s.slug: s for s in systems},
        place={system.pk: place for place, system in enumerate(systems)},
        raters={rater.name: rater for rater in study.raters.all()},
        tasks=_tasks_of(study),
        groups=Counter(study.tasks.exclude(group=None).values_list("prompt", flat=True)),
    )


def _tasks_of(study: Study) -> dict[Key, Task]:
    grouped: dict[int, list[int]] = {}
    places = TaskOutput.objects.filter(task__study=study, system__isnull=False)
    for task, system in places.order_by("task", "place").values_list("task_id", "system_id"):
        grouped.setdefault(task, []).append(system)
    return {
        (task.prompt_id, tuple(grouped.get(task.pk) or _pair(task))): task
        for task in study.tasks.all()
    }


def _pair(task: Task) -> list[int]:
    return [pk for pk in (task.system_a_id, task.system_b_id) if pk is not None]


def _add_raters(study: Study, index: _Index, lines: list[Line], *, create: bool) -> None:
    missing: dict[str, Rater] = {}
    for line in lines:
        known = index.raters.get(line.rater) or missing.get(line.rater)
        if known is not None:
            _require_same_rater(line, known)
            continue
        if not create:
            raise line.row.refuse(
                f"unknown rater {line.rater!r}", expected="a rater of the study, or --create"
            )
        missing[line.rater] = Rater(
            study=study, name=line.rater, group=line.group, is_judge=line.is_judge
        )
    Rater.objects.bulk_create(missing.values(), batch_size=_BATCH)
    index.raters |= missing


def _require_same_rater(line: Line, rater: Rater) -> None:
    """Refuse a row that says of a rater what an earlier one, or the study, does not."""
    if line.group not in ("", rater.group):
        raise line.row.refuse(
            f"rater {rater.name!r} is in group {line.group!r}",
            expected=f"group {rater.group!r}, as before" if rater.group else "no group, as before",
        )
    if line.row.text("judge", required=False) and line.is_judge != rater.is_judge:
        what = "an automated judge" if rater.is_judge else "a person"
        raise line.row.refuse(
            f"judge is {line.row.text('judge')!r} for rater {rater.name!r}",
            expected=f"{what}, as before",
        )


def _add_tasks(study: Study, index: _Index, lines: list[Line], *, create: bool) -> None:
    missing: dict[Key, Task] = {}
    is_grouped = protocol_of(study).is_grouped
    for line in lines:
        key, _ = _key(index, line)
        if key in index.tasks or key in missing:
            continue
        if not create and study.launched_at and study.task_count and not _is_to_come(study, key):
            raise line.row.refuse(
                "the study has no such task", expected="a task of the study, or --create"
            )
        prompt, systems = key
        missing[key] = Task(study=study, prompt_id=prompt, system_a_id=systems[0])
        if is_grouped:
            missing[key].group = index.groups[prompt]
            index.groups[prompt] += 1
        elif len(systems) > 1:
            missing[key].system_b_id = systems[1]
    places = _link_outputs(study, missing)
    Task.objects.bulk_create(missing.values(), batch_size=_BATCH)
    TaskOutput.objects.bulk_create(places, batch_size=_BATCH)
    index.tasks |= missing


def _is_to_come(study: Study, key: Key) -> bool:
    """Return whether the design may ask it later: a pair, or an output alone, not made yet."""
    if study.pairing != Study.Pairing.FULL or not study.tasks_to_come:
        return False
    _, systems = key
    return not protocol_of(study).is_grouped and len(set(systems)) == len(systems)


def _link_outputs(study: Study, tasks: dict[Key, Task]) -> list[TaskOutput]:
    """Join the outputs that there are to their tasks; return the places of groups."""
    outputs = {
        (output.prompt_id, output.system_id): output
        for output in Output.objects.done()
        .filter(prompt__prompt_set=study.prompt_set, sample=study.sample)
        .defer("text", "html", "provenance")
    }
    places: list[TaskOutput] = []
    for (prompt, systems), task in tasks.items():
        found = [outputs.get((prompt, system)) for system in systems]
        task.output_a, task.hash_a = found[0], _hash(found[0])
        if task.system_b_id is not None:
            task.output_b, task.hash_b = found[1], _hash(found[1])
        if task.group is not None:
            places += [
                TaskOutput(task=task, place=i, system_id=system, output=output, hash=_hash(output))
                for i, (system, output) in enumerate(zip(systems, found, strict=True))
            ]
        task.ready_at = study.launched_at or now()
    return places


def _hash(output: Output | None) -> str:
    return output.text_hash if output else ""


def _key(index: _Index, line: Line) -> tuple[Key, list[int]]:
    """Return the task's prompt and systems in the study's order, and each system's place there."""
    if line.prompt not in index.prompts:
        raise line.row.refuse(
            f"unknown prompt_id {line.prompt!r}", expected="an id of the study's prompt set"
        )
    named = []
    for name in line.systems:
        if name not in index.systems:
            raise line.row.refuse(f"unknown system {name!r}", expected="a system of the study")
        named.append(index.systems[name].pk)
    order = sorted(range(len(named)), key=lambda i: index.place[named[i]])
    places = [order.index(i) for i in range(len(named))]
    return (index.prompts[line.prompt].pk, tuple(named[i] for i in order)), places


def _judgment(study: Study, protocol: Protocol, index: _Index, line: Line) -> Judgment:
    # The study's order of systems may be another than the file's.
    key, places = _key(index, line)
    answer = protocol.renumbered(line.answer, places)
    return Judgment(
        study=study,
        task=index.tasks[key],
        rater=index.raters[line.rater],
        verdict=answer.verdict,
        left=OTHER.get(line.left, "") if places[0] else line.left,
        score=answer.score,
        answer=answer.more,
        seconds=line.seconds,
        comment=line.comment,
        plays=renumbered_plays(line.plays, places),
        created_at=line.created_at or now(),
    )
