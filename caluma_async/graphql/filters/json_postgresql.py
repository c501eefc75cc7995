"""Comparisons of a `jsonb` value in the words of PostgreSQL. The value is given as SQL with its parameters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

SQL = tuple[str, list[Any]]


def compare(there: SQL, lookup: str, value: Any) -> SQL:
    """The condition that the value there compares with ours as the lookup says; neither true nor false without one."""
    sql, params = _LOOKUPS[lookup](there, value)
    return f"({sql})", params


def like_pattern(text: str) -> str:
    """The pattern for `LIKE` that finds the text anywhere."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _exact(there: SQL, value: Any) -> SQL:
    return f"{there[0]} = %s::jsonb", [*there[1], json.dumps(value)]


def _in(there: SQL, value: Any) -> SQL:
    return f"{there[0]} IN (SELECT jsonb_array_elements(%s::jsonb))", [*there[1], json.dumps(value)]


def _intersects(there: SQL, value: Any) -> SQL:
    sql, params = there
    elements = f"jsonb_array_elements(CASE jsonb_typeof({sql}) WHEN 'array' THEN {sql} ELSE '[]'::jsonb END)"
    wanted = "SELECT jsonb_array_elements(%s::jsonb)"
    condition = f"EXISTS (SELECT 1 FROM {elements} AS e WHERE e IN ({wanted}))"  # noqa: S608 - names of ours; values are parameters
    return condition, [*params, *params, json.dumps(value)]


def _startswith(there: SQL, value: str) -> SQL:
    return _string(there, "starts_with({}, %s)", value)


def _icontains(there: SQL, value: str) -> SQL:
    return _string(there, "{} ILIKE %s", like_pattern(value))


def _contains(there: SQL, value: Any) -> SQL:
    sql, params = there
    inside = f"(jsonb_typeof({sql}) IN ('array', 'object') AND {sql} @> %s::jsonb)"
    given = [*params, *params, json.dumps(value)]
    if not isinstance(value, str):
        return inside, given
    part, more = _string(there, "strpos({}, %s) > 0", value)
    return f"{part} OR {inside}", [*more, *given]


def _comparison(operator: str) -> Callable[[SQL, Any], SQL]:
    def condition(there: SQL, value: Any) -> SQL:
        sql, params = there
        given = json.dumps(value)
        same_kind = f"jsonb_typeof({sql}) = jsonb_typeof(%s::jsonb)"
        return f"{same_kind} AND {sql} {operator} %s::jsonb", [*params, given, *params, given]

    return condition


def _string(there: SQL, condition: str, value: str) -> SQL:
    sql, params = there
    found = condition.format(f"({sql} #>> '{{}}')")
    return f"(jsonb_typeof({sql}) = 'string' AND {found})", [*params, *params, value]


_LOOKUPS: Final[dict[str, Callable[[SQL, Any], SQL]]] = {
    "exact": _exact,
    "in": _in,
    "intersects": _intersects,
    "startswith": _startswith,
    "icontains": _icontains,
    "contains": _contains,
    "gt": _comparison(">"),
    "gte": _comparison(">="),
    "lt": _comparison("<"),
    "lte": _comparison("<="),
}
