"""Up to which judgment all are there that ever will be: what may be put together for good."""

from __future__ import annotations

from django.db import OperationalError, connection, transaction
from django.db.models import Max

from annotation.models import Judgment

#: Judging waits at most so long for a reader that wants to know which ids are settled.
_LOCK_MILLISECONDS = 100


def settled_judgment() -> int | None:
    """Return an id below which no judgment can appear any more; None if that is not known now.

    SQLite has one writer, so ids become visible in order. On PostgreSQL a judgment with a lower id
    may be committed later; a table lock that conflicts with inserts is granted only when nobody
    has an uncommitted one, and is given back at once.
    """
    if connection.vendor == "sqlite":
        return _highest_id()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_MILLISECONDS}ms'")
            cursor.execute("LOCK TABLE annotation_judgment IN SHARE MODE")
            return _highest_id()
    except OperationalError:
        return None


def _highest_id() -> int:
    return Judgment.objects.order_by().aggregate(highest=Max("pk"))["highest"] or 0
