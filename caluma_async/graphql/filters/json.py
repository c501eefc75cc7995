"""Conditions on JSON columns that mean the same on PostgreSQL (jsonb operators) and on SQLite (json_each).

Keys are taken literally: `"a.b"` and `"1"` are names of keys, not paths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import BooleanField, F, Func, JSONField

from caluma_async.graphql.filters import json_postgresql, json_sqlite

SQL = tuple[str, list[Any]]


class JSONCondition(Func):
    """A condition on the JSON column at `path`; a subclass says it in the words of each database."""

    output_field = BooleanField()

    def __init__(self, path: str, **extra: Any) -> None:
        super().__init__(F(path), **extra)

    def postgresql(self, column: str) -> SQL:
        """The condition in the words of PostgreSQL; `column` is a `jsonb`."""
        raise NotImplementedError

    def sqlite(self, column: str) -> SQL:
        """The condition in the words of SQLite; `column` holds JSON text."""
        raise NotImplementedError

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> SQL:
        """Called by Django."""
        return self._compiled(compiler, self.postgresql)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> SQL:  # type: ignore[override]
        """Called by Django."""
        return self._compiled(compiler, self.sqlite)

    def _compiled(self, compiler: Any, words: Callable[[str], SQL]) -> SQL:
        column, _ = compiler.compile(self.source_expressions[0])
        return words(column)


class HasKey(JSONCondition):
    """The object has this key."""

    def __init__(self, path: str, key: str) -> None:
        super().__init__(path, key=key)

    def postgresql(self, column: str) -> SQL:
        return f"({column} ? %s)", [self.extra["key"]]

    def sqlite(self, column: str) -> SQL:
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) AS j WHERE j.key = %s)"  # noqa: S608 - names of ours; values are parameters
        return sql, [self.extra["key"]]


class Overlaps(JSONCondition):
    """The list of strings has at least one of these."""

    def __init__(self, path: str, texts: Sequence[str]) -> None:
        super().__init__(path, texts=list(texts))

    def postgresql(self, column: str) -> SQL:
        return f"({column} ?| %s::text[])", [self.extra["texts"]]

    def sqlite(self, column: str) -> SQL:
        marks = ", ".join(["%s"] * len(self.extra["texts"]))
        condition = f"j.type = 'text' AND j.value IN ({marks})"
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) AS j WHERE {condition})"  # noqa: S608 - names of ours; values are parameters
        return sql, self.extra["texts"]


class ValueAt(JSONCondition):
    """The value under a key of the object compares with `value` as `lookup` says.

    exact: the same JSON value. startswith, icontains: for strings. contains: a part of a string, an element or all
    elements of a list, all pairs of an object. in: one of a list. intersects: a list with at least one of these.
    gt, gte, lt, lte: for two numbers or two strings. Which values a lookup takes is checked by `meta`.
    """

    def __init__(self, path: str, key: str, lookup: str, value: Any) -> None:
        super().__init__(path, key=key, lookup=lookup, value=value)

    def postgresql(self, column: str) -> SQL:
        there = (f"({column} -> %s::text)", [self.extra["key"]])
        condition, params = json_postgresql.compare(there, self.extra["lookup"], self.extra["value"])
        return f"COALESCE({condition}, false)", params

    def sqlite(self, column: str) -> SQL:
        condition, params = json_sqlite.compare("j", self.extra["lookup"], self.extra["value"])
        found = f"j.key = %s AND ({condition})"
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) AS j WHERE {found})"  # noqa: S608 - names of ours; values are parameters
        return sql, [self.extra["key"], *params]


class Sortable(Func):
    """The value under a key of the object, for sorting; JSON's null counts as no value."""

    output_field = JSONField()

    def __init__(self, path: str, key: str) -> None:
        super().__init__(F(path), key=key)

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> SQL:
        """Called by Django."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"NULLIF({column} -> %s::text, 'null'::jsonb)", [*params, self.extra["key"]]

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> SQL:  # type: ignore[override]
        """Called by Django."""
        column, params = compiler.compile(self.source_expressions[0])
        sql = f"(SELECT j.value FROM json_each({column}) AS j WHERE j.key = %s)"  # noqa: S608 - names of ours; values are parameters
        return sql, [*params, self.extra["key"]]


class SortableAnswer(Func):
    """The value of an answer, for sorting: from its two columns, JSON and date; lists and objects have none."""

    output_field = JSONField()

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> SQL:
        """Called by Django."""
        (value, _params), (date, _more) = map(compiler.compile, self.source_expressions)
        scalar = f"CASE WHEN jsonb_typeof({value}) NOT IN ('null', 'array', 'object') THEN {value} END"
        return f"COALESCE({scalar}, to_jsonb({date}))", []

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> SQL:  # type: ignore[override]
        """Called by Django."""
        (value, _params), (date, _more) = map(compiler.compile, self.source_expressions)
        scalar = f"CASE WHEN json_type({value}) NOT IN ('array', 'object') THEN json_extract({value}, '$') END"
        return f"COALESCE({scalar}, {date})", []
