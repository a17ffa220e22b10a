"""Write transactions that wait their turn, and rows that are read by the million."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
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
def _gate() -> Iterator[None]:
    path = str(connection.settings_dict["NAME"])
    is_file = connection.vendor == "sqlite" and "memory" not in path
    if not is_file or connection.in_atomic_block:
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
