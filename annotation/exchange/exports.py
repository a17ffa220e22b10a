"""Judgments as records for a file, in constant memory; `import_judgments` reads them back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from annotation.exchange.lines import OPTIONAL
from annotation.models import Study, TaskOutput
from annotation.plays import plays_column
from annotation.protocols import Answer, Protocol, protocol_of
from evalsite.lib.exceptions import InputRefused

_BATCH = 2000
#: Protocols whose columns alone tell what they are.
_TELLS_ITSELF = ("pairwise", "mos")
_FIELDS = (
    "pk", "task_id", "task__group", "rater_id", "task__prompt__key", "task__system_a__name",
    "task__system_b__name", "verdict", "score", "answer", "rater__name", "rater__group",
    "rater__is_judge", "left",
    "task__prompt__category", "seconds", "comment", "created_at", "plays",
)  # fmt: skip


def export_columns(study: Study) -> tuple[str, ...]:
    protocol = protocol_of(study)
    return (
        *(() if protocol.name in _TELLS_ITSELF else ("protocol",)),
        *(("options",) if _has_options(protocol) else ()),
        "prompt_id",
        *protocol.system_columns,
        *protocol.required_columns,
        "rater",
        *(("left",) if protocol.has_sides else ()),
        *protocol.more_columns,
        *OPTIONAL,
        *(("plays",) if study.judgments.filter(plays__isnull=False).exists() else ()),
    )


def _has_options(protocol: Protocol) -> bool:
    """Return whether the options say anything that a study without any would not do."""
    try:
        return protocol.stored() != type(protocol).parse({}).stored()
    except InputRefused:  # there is no such study
        return True


def export_kinds(study: Study) -> dict[str, type]:
    """Return the columns that hold numbers, for formats that want to know; all else is text."""
    return {"seconds": float, **dict.fromkeys(protocol_of(study).number_columns, int)}


def export_records(study: Study) -> Iterator[dict[str, Any]]:
    """Yield the judgments that stand; lists are JSON, and so are the options, in the first."""
    protocol = protocol_of(study)
    excluded = _Excluded(study)
    rows = study.judgments.counted().current().order_by("pk").values_list(*_FIELDS)
    stream = rows.iterator(chunk_size=_BATCH)
    options = json.dumps(protocol.stored(), ensure_ascii=False)
    while batch := [dict(zip(_FIELDS, row, strict=True)) for row in islice(stream, _BATCH)]:
        groups = _names_of_groups(
            {row["task_id"] for row in batch if row["task__group"] is not None}
        )
        for row in batch:
            names = groups.get(row["task_id"]) or _names(row)
            record = _record(row, names, protocol, excluded.rule(row["pk"], row["rater_id"]))
            yield {"options": options, **record}
            options = ""


class _Excluded:
    """The rules by which judgments are left out."""

    def __init__(self, study: Study) -> None:
        in_force = study.exclusions.filter(lifted_at=None)
        single = in_force.filter(judgment__isnull=False)
        self.judgments = dict(single.values_list("judgment_id", "rule"))
        self.raters = dict(in_force.filter(judgment=None).values_list("rater_id", "rule"))

    def rule(self, judgment: int, rater: int) -> str:
        return self.judgments.get(judgment, self.raters.get(rater, ""))


def _names(row: dict[str, Any]) -> list[str]:
    return [name for name in (row["task__system_a__name"], row["task__system_b__name"]) if name]


def _names_of_groups(tasks: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    places = TaskOutput.objects.filter(task__in=tasks, system__isnull=False)
    for task, name in places.order_by("task", "place").values_list("task_id", "system__name"):
        found.setdefault(task, []).append(name)
    return found


def _record(row: dict[str, Any], names: list[str], protocol: Protocol, rule: str) -> dict[str, Any]:
    answer = Answer(verdict=row["verdict"], score=row["score"], more=row["answer"])
    systems: list[Any] = [names] if protocol.is_grouped else list(names)
    said = {
        **dict(zip(protocol.system_columns, systems, strict=True)),
        **protocol.to_row(answer, names),
    }
    lists = {name: json.dumps(v, ensure_ascii=False) for name, v in said.items() if _is_list(v)}
    return {
        "protocol": protocol.name,
        "prompt_id": row["task__prompt__key"],
        **said,
        **lists,
        "rater": row["rater__name"],
        "group": row["rater__group"],
        "judge": "yes" if row["rater__is_judge"] else "",
        "left": row["left"],
        "category": row["task__prompt__category"],
        "seconds": row["seconds"],
        "comment": row["comment"],
        "created_at": row["created_at"].isoformat(),
        "excluded": rule,
        "plays": plays_column(row["plays"]),
    }


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
