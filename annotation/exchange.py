"""Judgments from elsewhere, and back: files whose every row is kept or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware, now

from annotation.models import Exclusion, Judgment, Rater, Side, Study, StudySystem, Task
from evalsite.lib.db import write_transaction
from evalsite.lib.slugs import free_slug
from evalsite.lib.tabular import Row
from generation.models import Output, Prompt, PromptSet, System
from generation.services import create_prompt_set, create_system

PAIRWISE_REQUIRED = ("prompt_id", "system_a", "system_b", "verdict", "rater")
MOS_REQUIRED = ("prompt_id", "system", "score", "rater")
OPTIONAL = ("category", "seconds", "comment", "created_at", "excluded")
PAIRWISE_OPTIONAL = ("left", *OPTIONAL)
#: What the first columns of a file may be: they say which protocol it is of.
ALL_COLUMNS = tuple(dict.fromkeys((*PAIRWISE_REQUIRED, *MOS_REQUIRED, *PAIRWISE_OPTIONAL)))
_BATCH = 2000
_MAX_SECONDS = 1e7


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One checked row: names as in the file."""

    row: Row
    prompt: str
    systems: tuple[str, ...]
    rater: str
    verdict: str
    score: int | None
    left: str
    category: str
    seconds: float | None
    comment: str
    created_at: datetime | None
    excluded: str


def read_line(row: Row) -> Line:
    """Check one row by itself; the columns say whether it is pairwise or MOS."""
    is_pairwise = "verdict" in row.values
    for column in PAIRWISE_REQUIRED if is_pairwise else MOS_REQUIRED:
        if column not in row.values:
            raise row.refuse(
                f"column {column} is missing",
                expected=f"{', '.join(PAIRWISE_REQUIRED)} or {', '.join(MOS_REQUIRED)}",
            )
    names = ("system_a", "system_b") if is_pairwise else ("system",)
    systems = tuple(_name(row, column) for column in names)
    if is_pairwise and systems[0] == systems[1]:
        raise row.refuse(f"system_a and system_b are both {systems[0]!r}", expected="two systems")
    left = row.text("left", required=False)
    if left not in ("", *Side.values) or (left and not is_pairwise):
        raise row.refuse(f"left is {left!r}", expected="a, b or nothing")
    return Line(
        row=row,
        prompt=_name(row, "prompt_id"),
        systems=systems,
        rater=_name(row, "rater"),
        verdict=row.one_of("verdict", Judgment.Verdict.values) if is_pairwise else "",
        score=None if is_pairwise else row.whole("score", low=1, high=5),
        left=left,
        category=row.text("category", required=False)[:100],
        seconds=_optional_number(row, "seconds"),
        comment=row.text("comment", required=False)[:5000],
        created_at=_moment(row),
        excluded=row.text("excluded", required=False)[:60],
    )


def _name(row: Row, column: str) -> str:
    name = row.text(column)
    if len(name) > 200:
        raise row.refuse(f"{column} has {len(name)} characters", expected="at most 200")
    return name


def _optional_number(row: Row, column: str) -> float | None:
    if row.values.get(column) in (None, ""):
        return None
    return row.number(column, low=0, high=_MAX_SECONDS)


def _moment(row: Row) -> datetime | None:
    text = row.text("created_at", required=False)
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise row.refuse(f"created_at is {text!r}", expected="a date and time in ISO 8601")
    return make_aware(moment) if is_naive(moment) else moment


@dataclass(kw_only=True)
class _Index:
    """What a study has, by the names in the file."""

    prompts: dict[str, Prompt]
    systems: dict[str, System]
    place: dict[int, int]
    raters: dict[str, Rater]
    tasks: dict[tuple[int, int, int | None], Task] = field(default_factory=dict)


@write_transaction()
def import_judgments(*, study: Study, rows: Iterable[Row], create: bool = False) -> int:
    """Add the rows to an existing study; return how many. The first bad row refuses all.

    With `create`, raters and tasks that are missing are made; systems and prompts must be there.
    """
    lines = [read_line(row) for row in rows]
    _require_protocol(study, lines)
    # The lock of whoever makes tasks: none is made twice.
    Study.objects.select_for_update(no_key=True).values("pk").get(pk=study.pk)
    return _store(study, lines, create=create)


@write_transaction()
def create_study_with_judgments(*, owner: User, slug: str, rows: Iterable[Row]) -> Study:
    """Make a closed study, its prompt set, systems and raters from the rows, and store them.

    Names are kept verbatim; slugs are derived.
    """
    lines = [read_line(row) for row in rows]
    is_pairwise = bool(lines[0].verdict)
    moment = now()
    study = Study.objects.create(
        owner=owner,
        slug=free_slug(Study.objects.all(), slug, slug=slug),
        name=slug,
        title="Imported",
        question="Which is better?" if is_pairwise else "How good is it?",
        protocol=Study.Protocol.PAIRWISE if is_pairwise else Study.Protocol.MOS,
        prompt_set=_prompt_set(owner, slug, lines),
        state=Study.State.CLOSED,
        launched_at=moment,
        closed_at=moment,
    )
    _require_protocol(study, lines)
    for position, name in enumerate(dict.fromkeys(n for line in lines for n in line.systems)):
        StudySystem.objects.create(study=study, system=_system(owner, name), position=position)
    study.log("imported", by=owner, file=lines[0].row.file)
    _store(study, lines, create=True)
    return study


def _require_protocol(study: Study, lines: list[Line]) -> None:
    is_pairwise = study.protocol == Study.Protocol.PAIRWISE
    for line in lines:
        if bool(line.verdict) != is_pairwise:
            raise line.row.refuse(
                "the row is of another protocol", expected=f"a {study.protocol} judgment"
            )


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
    judgments = Judgment.objects.bulk_create(
        (_judgment(study, index, line) for line in lines), batch_size=_BATCH
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
        tasks={(t.prompt_id, t.system_a_id, t.system_b_id): t for t in study.tasks.all()},
    )


def _add_raters(study: Study, index: _Index, lines: list[Line], *, create: bool) -> None:
    missing: dict[str, Rater] = {}
    for line in lines:
        if line.rater not in index.raters and line.rater not in missing:
            if not create:
                raise line.row.refuse(
                    f"unknown rater {line.rater!r}", expected="a rater of the study, or --create"
                )
            missing[line.rater] = Rater(study=study, name=line.rater)
    Rater.objects.bulk_create(missing.values(), batch_size=_BATCH)
    index.raters |= missing


def _add_tasks(study: Study, index: _Index, lines: list[Line], *, create: bool) -> None:
    missing: dict[tuple[int, int, int | None], Task] = {}
    for line in lines:
        key = _task_key(index, line)
        if key not in index.tasks and key not in missing:
            is_to_come = study.pairing == Study.Pairing.FULL and study.tasks_to_come
            if not create and study.launched_at and study.task_count and not is_to_come:
                raise line.row.refuse(
                    "the study has no such task", expected="a task of the study, or --create"
                )
            missing[key] = Task(
                study=study, prompt_id=key[0], system_a_id=key[1], system_b_id=key[2]
            )
    _link_outputs(study, missing.values())
    Task.objects.bulk_create(missing.values(), batch_size=_BATCH)
    index.tasks |= missing


def _link_outputs(study: Study, tasks: Iterable[Task]) -> None:
    outputs = {
        (output.prompt_id, output.system_id): output
        for output in Output.objects.done()
        .filter(prompt__prompt_set=study.prompt_set, sample=study.sample)
        .defer("text", "html", "provenance")
    }
    for task in tasks:
        a = outputs.get((task.prompt_id, task.system_a_id))
        b = outputs.get((task.prompt_id, task.system_b_id or 0))
        task.output_a, task.output_b = a, b
        task.hash_a, task.hash_b = a.text_hash if a else "", b.text_hash if b else ""
        task.ready_at = study.launched_at or now()


def _task_key(index: _Index, line: Line) -> tuple[int, int, int | None]:
    """Return prompt, first and second system, in the study's order of systems."""
    if line.prompt not in index.prompts:
        raise line.row.refuse(
            f"unknown prompt_id {line.prompt!r}", expected="an id of the study's prompt set"
        )
    systems = []
    for name in line.systems:
        if name not in index.systems:
            raise line.row.refuse(f"unknown system {name!r}", expected="a system of the study")
        systems.append(index.systems[name].pk)
    systems.sort(key=index.place.__getitem__)
    return index.prompts[line.prompt].pk, systems[0], systems[1] if len(systems) > 1 else None


def _judgment(study: Study, index: _Index, line: Line) -> Judgment:
    task = index.tasks[_task_key(index, line)]
    # The study's order of systems may be the other way round than the file's.
    is_flipped = bool(line.verdict) and index.systems[line.systems[0]].pk != task.system_a_id
    other = {"a": "b", "b": "a"}
    return Judgment(
        study=study,
        task=task,
        rater=index.raters[line.rater],
        verdict=other.get(line.verdict, line.verdict) if is_flipped else line.verdict,
        left=other.get(line.left, "") if is_flipped else line.left,
        score=line.score,
        seconds=line.seconds,
        comment=line.comment,
        created_at=line.created_at or now(),
    )


def export_columns(study: Study) -> tuple[str, ...]:
    if study.protocol == Study.Protocol.PAIRWISE:
        return (*PAIRWISE_REQUIRED, *PAIRWISE_OPTIONAL)
    return (*MOS_REQUIRED, *OPTIONAL)


def export_records(study: Study) -> Iterator[dict[str, Any]]:
    """Yield the judgments that stand, in constant memory; `import_judgments` reads them back."""
    excluded = dict(
        study.exclusions.filter(lifted_at=None, judgment__isnull=False).values_list(
            "judgment_id", "rule"
        )
    )
    raters = dict(
        study.exclusions.filter(lifted_at=None, judgment=None).values_list("rater_id", "rule")
    )
    fields = (
        "pk", "rater_id", "task__prompt__key", "task__system_a__name", "task__system_b__name",
        "verdict", "score", "rater__name", "left", "task__prompt__category", "seconds", "comment",
        "created_at",
    )  # fmt: skip
    rows = study.judgments.current().order_by("pk").values_list(*fields)
    for (
        pk,
        rater,
        prompt,
        a,
        b,
        verdict,
        score,
        name,
        left,
        category,
        seconds,
        comment,
        at,
    ) in rows.iterator(chunk_size=_BATCH):
        yield {
            "prompt_id": prompt,
            "system_a": a,
            "system_b": b,
            "system": a,
            "verdict": verdict,
            "score": score,
            "rater": name,
            "left": left,
            "category": category,
            "seconds": seconds,
            "comment": comment,
            "created_at": at.isoformat(),
            "excluded": excluded.get(pk, raters.get(rater, "")),
        }
