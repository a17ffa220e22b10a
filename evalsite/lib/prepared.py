"""Queries that are put together once and asked many times, each time for other values.

To put a query of a few joins together costs Django more than a database needs to answer it by a
key. Only what every answer of a rater asks is worth it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import local
from typing import Any, Generic, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Model, QuerySet

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """What `build` selects, of which the fields `names` are as is said when it is asked.

    `build` must not depend on anything that changes, and the named fields must make a row the only
    one. Each thread puts the query together once, for its own connection.
    """

    def __init__(self, build: Callable[[], QuerySet[M]], *names: str) -> None:
        self._build = build
        self._names = names
        self._of_thread = local()

    def get(self, **values: Any) -> M:
        """Return the row whose fields have these values; raises `ObjectDoesNotExist` without."""
        found = self.first(**values)
        if found is None:
            raise ObjectDoesNotExist
        return found

    def first(self, **values: Any) -> M | None:
        """Return the row whose fields have these values; None without one."""
        try:
            statement: _Statement[M] = self._of_thread.statement
        except AttributeError:
            statement = self._of_thread.statement = _Statement(self._build(), self._names)
        return next(iter(statement.rows(values)), None)


class _Statement(Generic[M]):
    """A query put together for the connection of one thread."""

    def __init__(self, queryset: QuerySet[M], names: Iterable[str]) -> None:
        self._model = queryset.model
        self._fields: dict[str, Any] = {name: self._model._meta.get_field(name) for name in names}
        self._query = queryset.filter(**{name: _Place(name) for name in names}).query
        self._compiler = self._query.get_compiler(using=DEFAULT_DB_ALIAS)
        self._sql, self._params = self._compiler.as_sql()
        # Whoever runs the query gets the one compiler, which knows its SQL and its columns.
        vars(self._query)["get_compiler"] = lambda **_: self._compiler

    def rows(self, values: dict[str, Any]) -> QuerySet[M]:
        connection = connections[DEFAULT_DB_ALIAS]
        stored = {
            name: field.get_db_prep_value(values[name], connection)
            for name, field in self._fields.items()
        }
        params = [stored[p.name] if isinstance(p, _Place) else p for p in self._params]
        vars(self._compiler)["as_sql"] = lambda: (self._sql, params)
        return QuerySet(self._model, query=self._query)


class _Place(Expression):
    """Where the value of a field goes."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]
