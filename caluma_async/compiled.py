"""Queries whose SQL is compiled once and run with other values. Which queries there are is not known here.

Django compiles a query with joins and sub-selects for longer than PostgreSQL takes to answer it, and PostgreSQL plans
it for longer still: it keeps the plan, once per connection.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from caluma_async.prepared import run

T = TypeVar("T")
Value = UUID | str | tuple[UUID | str, ...]

_PLACES: Final = 0x5EED << 112


class Compiled(Generic[T]):
    """A query as a function of its values.

    `build` makes the query of its values: keys, texts, or tuples of them, each of which must turn up among the
    parameters of the SQL. What else it says must always be the same. The SQL is kept per kind of database, and per
    length of the tuples.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, T]]) -> None:
        self._build = build
        self._statements: dict[tuple[object, ...], _Statement[T]] = {}

    def __call__(self, *values: Value) -> list[T]:
        """The rows for these values."""
        shape = (connection.vendor, *((len(value) if isinstance(value, tuple) else type(value)) for value in values))
        statement = self._statements.get(shape)
        if statement is None:
            statement = self._statements[shape] = _Statement(self._build, values)
        return statement.rows(list(_flat(values)))


class _Statement(Generic[T]):
    """The SQL of a query, and where its values belong."""

    def __init__(self, build: Callable[..., QuerySet[Any, T]], values: Sequence[Value]) -> None:
        places = [_place(number, value) for number, value in enumerate(_flat(values))]
        left = iter(places)
        stand_ins = [tuple(next(left) for _ in value) if isinstance(value, tuple) else next(left) for value in values]
        self.queryset = build(*stand_ins)
        self.compiler: Any = self.queryset.query.get_compiler(connection=connection)
        self.sql, self.parameters = self.compiler.as_sql()
        # a fourth of the time of a query that finds one row would go into finding them out again
        converters = self.compiler.get_converters([column for column, _, _ in self.compiler.select])
        self.compiler.get_converters = lambda _: converters
        number_of = {_adapted(place): number for number, place in enumerate(places)}
        self.slots = [(at, number_of[each]) for at, each in enumerate(self.parameters) if each in number_of]
        if {number for _, number in self.slots} != set(number_of.values()):
            raise AssertionError("unreachable: a value of a compiled query is not among its parameters")

    def rows(self, values: Sequence[UUID | str]) -> list[T]:
        """What the query finds with these values."""
        parameters = list(self.parameters)
        for at, number in self.slots:
            parameters[at] = _adapted(values[number])
        found = run(self.sql, parameters)
        if not found:
            return []
        compiler = copy.copy(self.compiler)
        compiler.connection = connection
        compiler.execute_sql = lambda *_, **__: [found]
        queryset = self.queryset.all()
        query: Any = queryset.query
        query.get_compiler = lambda *_, **__: compiler
        return list(queryset)


def _place(number: int, value: UUID | str) -> UUID | str:
    """A value that stands for another one of its type, and for no other."""
    place = UUID(int=_PLACES + number)
    return place if isinstance(value, UUID) else f"place-{place}"


def _adapted(value: UUID | str) -> UUID | str:
    """The value as it stands among the parameters."""
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def _flat(values: Sequence[Value]) -> list[UUID | str]:
    return [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
