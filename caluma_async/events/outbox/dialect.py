"""What the two databases say differently: the clock, a table of given rows, a prepared statement."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

from django.db import connection
from psycopg.adapt import Loader

from caluma_async.prepared import Row, run, sessions_are_ours


class Dialect:
    """How one database puts what both can do."""

    now: str
    """The moment at which the expression is evaluated, not the one at which the transaction began."""

    can_lock_rows: bool
    """Whether rows can be locked and locked ones skipped; without it, whoever writes has the database for itself."""

    def later(self, seconds: str) -> str:
        """The moment so many seconds (an expression, a number) from now."""
        raise NotImplementedError

    def age(self, moment: str) -> str:
        """How many seconds ago a moment was."""
        raise NotImplementedError

    def given(self, columns: Mapping[str, str], count: int = 0) -> str:
        """A table `given` of rows handed over as parameters: the columns with their types, and `place` from 1 on.

        With a `count` the text may be made for so many rows.
        """
        raise NotImplementedError

    def parameters(self, rows: Sequence[Row], columns: int, count: int = 0) -> list[Any]:
        """The parameters for `given` with this `count`."""
        raise NotImplementedError

    def one_of(self, type_: str) -> str:
        """What follows a column that must be one of a list handed over as a parameter."""
        raise NotImplementedError

    def listed(self, values: Iterable[Any]) -> Any:
        """The parameter for `one_of`."""
        raise NotImplementedError

    def found_by(self, query: str) -> str:
        """What follows a column that must be one of those that a query finds, which is asked once, before all else.

        A planner that takes the table for an empty one would ask it again for each row.
        """
        raise NotImplementedError

    def each(self, outer: str, table: str, name: str, condition: str) -> str:
        """The rows of `outer`, in its order and no more of them than are wanted, each with its rows of a table."""
        raise NotImplementedError

    def key(self, value: Any) -> Any:
        """A UUID column's value."""
        raise NotImplementedError

    def moment(self, value: Any) -> Any:
        """A time column's value."""
        raise NotImplementedError


class PostgreSQL(Dialect):
    """PostgreSQL: arrays, row locks, statements prepared on the server."""

    now = "clock_timestamp()"
    can_lock_rows = True

    def later(self, seconds: str) -> str:
        return f"clock_timestamp() + make_interval(secs => {seconds})"

    def age(self, moment: str) -> str:
        return f"extract(epoch FROM clock_timestamp() - {moment})::float8"

    def given(self, columns: Mapping[str, str], count: int = 0) -> str:
        names = f"given({', '.join(columns)}, place)"
        if count:  # the server keeps its plan for single values, not for arrays
            row = ", ".join(f"%s::{type_}" for type_ in columns.values())
            return f"(VALUES {', '.join(f'({row}, {place})' for place in range(1, count + 1))}) AS {names}"
        arrays = ", ".join(f"%s::{type_}[]" for type_ in columns.values())
        return f"unnest({arrays}) WITH ORDINALITY AS {names}"

    def parameters(self, rows: Sequence[Row], columns: int, count: int = 0) -> list[Any]:
        if count:
            return [value for row in rows for value in row]
        return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(columns)]

    def one_of(self, type_: str) -> str:
        return f"= ANY(%s::{type_}[])"

    def listed(self, values: Iterable[Any]) -> Any:
        return list(values)

    def found_by(self, query: str) -> str:
        return f"= ANY(ARRAY({query}))"

    def each(self, outer: str, table: str, name: str, condition: str) -> str:
        # an offset keeps it from being merged with a sorted, and so a whole, `outer`
        return f"{outer}, LATERAL (SELECT * FROM {table} AS {name} WHERE {condition} OFFSET 0) AS {name}"

    def key(self, value: UUID | None) -> UUID | None:
        return value

    def moment(self, value: datetime | None) -> datetime | None:
        return value


class SQLite(Dialect):
    """SQLite: one JSON text for any number of rows; a statement that writes has the database for itself."""

    now = "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"
    can_lock_rows = False

    def later(self, seconds: str) -> str:
        return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', ({seconds}) || ' seconds')"

    def age(self, moment: str) -> str:
        return f"((julianday('now') - julianday({moment})) * 86400.0)"

    def given(self, columns: Mapping[str, str], count: int = 0) -> str:
        picked = ", ".join(f"value ->> {index} AS {name}" for index, name in enumerate(columns))
        return f"(SELECT {picked}, key + 1 AS place FROM json_each(%s)) AS given"

    def parameters(self, rows: Sequence[Row], columns: int, count: int = 0) -> list[Any]:
        return [json.dumps([[_plain(value) for value in row] for row in rows])]

    def one_of(self, type_: str) -> str:
        return "IN (SELECT value FROM json_each(%s))"

    def listed(self, values: Iterable[Any]) -> Any:
        return json.dumps([_plain(value) for value in values])

    def found_by(self, query: str) -> str:
        return f"IN ({query})"

    def each(self, outer: str, table: str, name: str, condition: str) -> str:
        return f"{outer} CROSS JOIN {table} AS {name} ON {condition}"

    def key(self, value: str | None) -> UUID | None:
        return None if value is None else UUID(value)

    def moment(self, value: datetime | None) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def _plain(value: Any) -> Any:
    """The value as Django stores it in SQLite."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value


_DIALECTS: Final[Mapping[str, Dialect]] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}


@cache
def dialect() -> Dialect:
    """The one of the default database."""
    return _DIALECTS[connection.vendor]


class Statement:
    """A statement, put into each database's words once. `build` makes the text of a dialect."""

    def __init__(self, build: Callable[[Dialect], str]) -> None:
        self.build = lru_cache(maxsize=None)(build)

    def __call__(self, *parameters: Any) -> list[Row]:
        """Run it; its rows, if it returns any."""
        return run(self.text(), parameters)

    def text(self) -> str:
        """What is sent to the default database."""
        return self.build(dialect())


class _MomentLoader(Loader):
    """Reads moments with the interpreter's own parser: Django's takes ten times as long, for ten moments an object."""

    timezone = UTC
    """What Django asks for with each cursor: where the connection is to have another zone, it takes its own reader."""

    def load(self, data: Any) -> datetime:
        return datetime.fromisoformat(bytes(data).decode())


_tuned: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


def tune() -> None:
    """Make this connection one of the engine's own.

    Its statements are planned once, for all parameters, and by index also while a table is still small. Not for
    connections on which anybody else's statements run.
    """
    if not sessions_are_ours():
        return
    connection.ensure_connection()
    if connection.connection not in _tuned:
        with connection.cursor() as cursor:
            cursor.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off")
        connection.connection.adapters.register_loader("timestamptz", _MomentLoader)
        _tuned.add(connection.connection)
