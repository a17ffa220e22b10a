"""Rows of a file of judgments, checked one by one; the columns say which protocol they are of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from annotation.models import Side
from annotation.plays import Plays, plays_in
from annotation.protocols import PROTOCOLS, Answer, Protocol
from annotation.protocols.groups import names_in
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row

OPTIONAL = ("group", "judge", "category", "seconds", "comment", "created_at", "excluded")
#: Whether the rater is an automated judge; empty: not said.
YES_NO = ("yes", "no")
PREFIXES = ("criterion_",)
#: What the columns of a file may be, besides those that begin with a prefix.
COLUMNS = tuple(
    dict.fromkeys(
        name
        for protocol in PROTOCOLS.values()
        for name in (
            "protocol",
            "options",
            *protocol.telling_columns,
            *protocol.extra_columns,
            *OPTIONAL,
            "plays",
        )
        if name not in PREFIXES
    )
)
MAX_SECONDS = 1e7


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One checked row: names as in the file, the answer by its order of systems."""

    row: Row
    prompt: str
    systems: tuple[str, ...]
    rater: str
    group: str
    is_judge: bool
    answer: Answer
    left: str
    category: str
    seconds: float | None
    comment: str
    created_at: datetime | None
    excluded: str
    plays: Plays | None


def protocol_in(row: Row) -> type[Protocol]:
    """Return the protocol that a row names, or that its columns tell; refuse one that tells none.

    Rows of different protocols can have the same columns; then the first protocol is meant.
    """
    if row.text("protocol", required=False):
        return PROTOCOLS[row.one_of("protocol", list(PROTOCOLS))]
    known = [kind for kind in PROTOCOLS.values() if kind.telling_columns]
    for kind in known:
        if all(_has(row, column) for column in kind.telling_columns):
            return kind
    meant = PROTOCOLS["pairwise" if "verdict" in row.values else "mos"]
    missing = next(column for column in meant.telling_columns if column not in row.values)
    expected = " or ".join(", ".join(kind.telling_columns) for kind in known)
    raise row.refuse(f"column {missing} is missing", expected=expected)


def protocol_for(rows: Sequence[Row]) -> Protocol:
    """Return the protocol of a file, with the options that its first row says or it needs."""
    kind, first = protocol_in(rows[0]), rows[0]
    said = first.text("options", required=False)
    if not said:
        return kind.parse(kind.options_in(rows))
    try:
        return kind.parse(json.loads(said))
    except (ValueError, RecursionError):
        raise first.refuse("options is not JSON", expected="the protocol's options") from None
    except InputRefused as refused:
        raise first.refuse(refused.wrong, expected=refused.expected) from None


def _has(row: Row, column: str) -> bool:
    """Return whether there is the column, or one that begins with the prefix."""
    if column in PREFIXES:
        return any(name.startswith(column) for name in row.values)
    return column in row.values


def read_lines(rows: Iterable[Row], protocol: Protocol) -> list[Line]:
    """Check every row for a study of this protocol; the first bad one is refused."""
    return [_line(row, protocol) for row in rows]


def _line(row: Row, protocol: Protocol) -> Line:
    _require_protocol(row, protocol)
    systems = _systems(row, protocol)
    left = row.text("left", required=False)
    if left not in ("", *Side.values) or (left and not protocol.has_sides):
        raise row.refuse(f"left is {left!r}", expected="a, b or nothing")
    return Line(
        row=row,
        prompt=_name(row, "prompt_id"),
        systems=systems,
        rater=_name(row, "rater"),
        group=_group(row),
        is_judge=_is_judge(row),
        answer=protocol.from_row(row),
        left=left,
        category=row.text("category", required=False)[:100],
        seconds=_optional_number(row, "seconds"),
        comment=row.text("comment", required=False)[:5000],
        created_at=_moment(row),
        excluded=row.text("excluded", required=False)[:60],
        plays=plays_in(row),
    )


def _require_protocol(row: Row, protocol: Protocol) -> None:
    wanted = (*protocol.system_columns, *protocol.required_columns)
    missing = next((column for column in wanted if column not in row.values), "")
    named = row.text("protocol", required=False) or protocol.name
    if named == protocol.name and not missing:
        return
    if protocol_in(row).name != protocol.name:
        raise row.refuse("the row is of another protocol", expected=f"a {protocol.name} judgment")
    raise row.refuse(f"column {missing} is missing", expected="the columns " + ", ".join(wanted))


def _systems(row: Row, protocol: Protocol) -> tuple[str, ...]:
    if protocol.is_grouped:
        return tuple(names_in(row, "systems"))
    systems = tuple(_name(row, column) for column in protocol.system_columns)
    if len(systems) == 2 and systems[0] == systems[1] and not protocol.has_null_pairs:
        raise row.refuse(f"system_a and system_b are both {systems[0]!r}", expected="two systems")
    return systems


def _name(row: Row, column: str) -> str:
    name = row.text(column)
    if len(name) > 200:
        raise row.refuse(f"{column} has {len(name)} characters", expected="at most 200")
    return name


def _group(row: Row) -> str:
    group = row.text("group", required=False)
    if len(group) > 60:
        raise row.refuse(f"group has {len(group)} characters", expected="at most 60")
    return group


def _is_judge(row: Row) -> bool:
    return bool(row.text("judge", required=False)) and row.one_of("judge", YES_NO) == "yes"


def _optional_number(row: Row, column: str) -> float | None:
    if row.values.get(column) in (None, ""):
        return None
    return row.number(column, low=0, high=MAX_SECONDS)


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
