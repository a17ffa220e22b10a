"""CSV and JSON Lines, read line by line from hostile files and written as a stream."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import is_storable

#: A longer line is refused before it is held in memory.
MAX_LINE_BYTES = 8 * 1024 * 1024
FORMATS = (".csv", ".jsonl")
#: What a spreadsheet may run: these beginnings, also behind our own apostrophes; not a number.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record with its place, so that every refusal can name file and line."""

    file: str
    #: From 1; 0 where the record is not a line, as a table in TOML.
    line: int
    values: dict[str, Any]

    def refuse(self, wrong: str, *, expected: str) -> InputRefused:
        return InputRefused(wrong, expected=expected, file=self.file, line=self.line or None)

    def text(self, column: str, *, required: bool = True) -> str:
        value = self.values.get(column)
        if value is None or value == "":
            if required:
                raise self.refuse(f"{column} is empty", expected="a text")
            return ""
        if isinstance(value, bool | int | float) and abs(value) != math.inf:
            return str(value)
        if not isinstance(value, str):
            raise self.refuse(f"{column} is {_kind(value)}", expected="a text")
        if not is_storable(value):
            what = "a NUL character" if "\x00" in value else "half of a surrogate pair"
            raise self.refuse(f"{column} holds {what}", expected="a text without it")
        return value

    def number(self, column: str, *, low: float = -math.inf, high: float = math.inf) -> float:
        value = self.values.get(column)
        expected = f"a number from {low:g} to {high:g}" if high < math.inf else "a finite number"
        try:
            number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise self.refuse(f"{column} is {_shown(value)}", expected=expected) from None
        if not math.isfinite(number) or not low <= number <= high:
            raise self.refuse(f"{column} is {_shown(value)}", expected=expected)
        return number

    def whole(self, column: str, *, low: int, high: int, default: int | None = None) -> int:
        if default is not None and self.values.get(column) in (None, ""):
            return default
        number = self.number(column, low=low, high=high)
        if number != int(number):
            raise self.refuse(f"{column} is {number:g}", expected="a whole number")
        return int(number)

    def one_of(self, column: str, allowed: Sequence[str]) -> str:
        value = self.text(column)
        if value not in allowed:
            raise self.refuse(
                f"{column} is {_shown(value)}", expected="one of " + ", ".join(allowed)
            )
        return value


def read_rows(
    path: Path,
    *,
    required: Sequence[str],
    optional: Sequence[str] = (),
    prefixes: tuple[str, ...] = (),
) -> Iterator[Row]:
    """Yield the rows of a `.csv` or `.jsonl` file; raise `InputRefused` at the first bad one.

    A column is known by its name, or by one of the prefixes.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputRefused(
            f"unknown kind of file {path.suffix or path.name!r}",
            expected="a .csv or .jsonl file",
            file=path.name,
        )
    try:
        with path.open("rb") as stream:
            yield from read_stream(
                stream, name=path.name, required=required, optional=optional, prefixes=prefixes
            )
    except OSError as error:
        raise InputRefused(
            f"cannot be read ({error.strerror})", expected="a readable file", file=path.name
        ) from None


def read_stream(
    stream: IO[bytes],
    *,
    name: str,
    required: Sequence[str],
    optional: Sequence[str] = (),
    prefixes: tuple[str, ...] = (),
) -> Iterator[Row]:
    """Yield the rows of an open binary stream; `name` decides the format and is shown in errors."""
    lines = _text_lines(stream, name)
    is_csv = name.lower().endswith(".csv")
    rows = _csv_rows(lines, name) if is_csv else _json_rows(lines, name)
    known = {*required, *optional}
    count = 0
    for count, row in enumerate(rows, start=1):
        _check_columns(row, required, known, prefixes, first=count == 1)
        yield row
    if count == 0:
        raise InputRefused("the file holds no rows", expected="at least one row", file=name)


def _check_columns(
    row: Row, required: Sequence[str], known: set[str], prefixes: tuple[str, ...], *, first: bool
) -> None:
    for column in required:
        if column not in row.values:
            raise row.refuse(
                f"column {column} is missing", expected="the columns " + ", ".join(required)
            )
    unknown = [c for c in row.values if c not in known and not c.startswith(prefixes)]
    if first and unknown:
        raise row.refuse(
            f"unknown column {_shown(unknown[0])}",
            expected="only the columns " + ", ".join(sorted(known)),
        )


def _text_lines(stream: IO[bytes], name: str) -> Iterator[str]:
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise InputRefused(
                "the line is too long",
                expected=f"at most {MAX_LINE_BYTES // 2**20} MiB a line",
                file=name,
                line=number,
            )
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputRefused(
                f"byte {error.start + 1} of the line is not UTF-8",
                expected="text in UTF-8",
                file=name,
                line=number,
            ) from None


def _csv_rows(lines: Iterator[str], name: str) -> Iterator[Row]:
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header):
            raise InputRefused(
                "a column name occurs twice", expected="distinct columns", file=name, line=1
            )
        for record in reader:
            line = reader.line_num
            if not record:
                continue
            if len(record) != len(header):
                raise InputRefused(
                    f"{len(record)} fields", expected=f"{len(header)} fields", file=name, line=line
                )
            cells = map(_unguarded, record)
            yield Row(file=name, line=line, values=dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InputRefused(
            f"not CSV: {error}", expected="CSV with a header", file=name, line=reader.line_num
        ) from None


def _json_rows(lines: Iterator[str], name: str) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
            raise InputRefused(
                f"not JSON: {reason}", expected="one JSON object a line", file=name, line=number
            ) from None
        if not isinstance(values, dict):
            raise InputRefused(
                f"the line is {_kind(values)}",
                expected="one JSON object a line",
                file=name,
                line=number,
            )
        yield Row(file=name, line=number, values=values)


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a number in JSON")


def _kind(value: object) -> str:
    names = {list: "a list", dict: "an object", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "null")


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


class _Echo(io.StringIO):
    """A file that hands back what is written, so that `csv` can stream."""

    def write(self, text: str) -> str:  # type: ignore[override]
        return text


def csv_lines(columns: Sequence[str], records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield a header and one CSV line a record, in constant memory.

    A text that a spreadsheet would run as a formula begins with an apostrophe, which spreadsheets
    take as "this is text" and `read_rows` takes away again.
    """
    writer = csv.writer(_Echo(), lineterminator="\n")
    yield writer.writerow([_guarded(column) for column in columns])
    for record in records:
        yield writer.writerow([_guarded(record.get(c, "")) for c in columns])


def _guarded(value: Any) -> Any:
    if not isinstance(value, str) or not _FORMULA.match(value) or _NUMBER.fullmatch(value):
        return value
    return "'" + value


def _unguarded(cell: str) -> str:
    is_guarded = cell.startswith("'") and _FORMULA.match(cell)
    return cell[1:] if is_guarded and not _NUMBER.fullmatch(cell[1:]) else cell


def json_lines(columns: Sequence[str], records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield one JSON object a line, keys in the order of `columns`, in constant memory."""
    for record in records:
        yield json.dumps({c: record.get(c) for c in columns}, ensure_ascii=False) + "\n"
