"""Conditions on a JSON column that holds one value, of whatever kind, and its text: the same on both databases."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import F, Func, TextField
from django.db.models.expressions import Combinable

from caluma_async.graphql.filters import json_postgresql, json_sqlite
from caluma_async.graphql.filters.json import SQL, JSONCondition


class ValueIs(JSONCondition):
    """The value compares with `value` as `lookup` says: see `ValueAt`. Neither true nor false without a value."""

    def __init__(self, path: str, lookup: str, value: Any) -> None:
        super().__init__(path, lookup=lookup, value=value)

    def postgresql(self, column: str) -> SQL:
        condition, params = json_postgresql.compare((column, []), self.extra["lookup"], self.extra["value"])
        held, more = _held(column, self.extra["lookup"], self.extra["value"])
        return f"({held}{condition})", [*more, *params]

    def sqlite(self, column: str) -> SQL:
        condition, params = json_sqlite.compare("j", self.extra["lookup"], self.extra["value"])
        # as the only element of a list, any value is a row of json_each
        row = f"json_each(json_array(json({column})))"
        return f"EXISTS (SELECT 1 FROM {row} AS j WHERE {condition})", params  # noqa: S608 - names of ours; values are parameters


def _held(column: str, lookup: str, value: Any) -> SQL:
    """Said besides, because an index answers it: that the value is, or holds, this or one of these."""
    wanted = [value] if lookup == "exact" else value if lookup in {"in", "intersects"} else []
    if not wanted:
        return "", []
    clauses = " OR ".join([f"{column} @> %s::jsonb"] * len(wanted))
    return f"({clauses}) AND ", [json.dumps(each) for each in wanted]


class TextOf(Func):
    """The value as text: a string without quotes, the elements of a list one after the other."""

    output_field = TextField()

    def __init__(self, path: str) -> None:
        super().__init__(F(path))

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> SQL:
        """Called by Django."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"({column} #>> '{{}}')", list(params)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> SQL:  # type: ignore[override]
        """Called by Django."""
        column, params = compiler.compile(self.source_expressions[0])
        elements = f"SELECT group_concat(j.value, ' ') FROM json_each({column}) AS j"  # noqa: S608 - names of ours; values are parameters
        return f"(SELECT CASE json_type({column}) WHEN 'null' THEN NULL ELSE ({elements}) END)", [*params, *params]


class Holds(JSONCondition):
    """The value is, or as a list has, the text that `other` is."""

    def __init__(self, value: Combinable, other: Combinable) -> None:
        super(JSONCondition, self).__init__(value, other)

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> SQL:
        """Called by Django."""
        value, other = (compiler.compile(each)[0] for each in self.source_expressions)
        return f"({value} @> to_jsonb({other}))", []

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> SQL:  # type: ignore[override]
        """Called by Django."""
        value, other = (compiler.compile(each)[0] for each in self.source_expressions)
        return f"EXISTS (SELECT 1 FROM json_each({value}) AS j WHERE j.value = {other})", []  # noqa: S608 - names of ours; values are parameters
