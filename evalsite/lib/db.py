"""Write transactions that wait their turn, and rows that are read by the million."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

_BATCH = 20_000


@contextmanager
def write_transaction() -> Iterator[None]:
    """Run the block in one atomic transaction; use it as a decorator on services.

    SQLite's own lock is unfair: a waiter sleeps and polls, so under load one process
    can starve. A `flock` on a file beside the database queues the waiters in the kernel.
    PostgreSQL needs no gate.
    """
    with _gate(), transaction.atomic():
        yield


@contextmanager
def throwaway() -> Iterator[None]:
    """Run the block in a transaction of which nothing stays.

    On SQLite it has a copy of the database, for its one writer would keep all others waiting.
    """
    with _on_a_copy(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def _on_a_copy() -> Iterator[None]:
    path = _file()
    if not path or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    own = connection.connection
    with tempfile.TemporaryDirectory(dir=Path(path).parent, prefix=".copy-") as folder:
        parameters = connection.get_connection_params() | {"database": f"{folder}/copy.sqlite3"}
        with closing(connection.get_new_connection(parameters)) as copy:
            own.backup(copy)
            connection.connection = copy
            try:
                yield
            finally:
                connection.connection = own


def _file() -> str:
    """Return the path of SQLite's file; nothing where there is none."""
    path = str(connection.settings_dict["NAME"])
    return path if connection.vendor == "sqlite" and "memory" not in path else ""


@contextmanager
def _gate() -> Iterator[None]:
    path = _file()
    if not path or connection.in_atomic_block:
        yield
        return
    with open(f"{path}.gate", "w") as gate:  # noqa: PTH123 - a hot path: Path.open costs more
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def raw_rows(rows: QuerySet[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield a `values_list` as the driver gives it: what Django does to each value takes longer.

    The types are the driver's; so it is for numbers and texts.
    """
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while batch := cursor.fetchmany(_BATCH):
            yield from batch
