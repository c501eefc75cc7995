"""Comparisons of a JSON value in the words of SQLite. The value is a row of `json_each`, given by its alias."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from caluma_async.graphql.filters.json_postgresql import like_pattern

SQL = tuple[str, list[Any]]

_LARGEST: Final = 2**63 - 1


def compare(row: str, lookup: str, value: Any) -> SQL:
    """The condition that the value of the row compares with ours as the lookup says."""
    sql, params = _LOOKUPS[lookup](row, value)
    return f"({sql})", params


def _exact(row: str, value: Any) -> SQL:
    """The same JSON value; objects whatever the order of their keys."""
    if isinstance(value, dict):
        pairs = [_element(row, _exact, item, key=key) for key, item in value.items()]
        return _all([_is_container(row, "object", len(value)), *pairs])
    if isinstance(value, list):
        items = [_element(row, _exact, item, key=place) for place, item in enumerate(value)]
        return _all([_is_container(row, "array", len(value)), *items])
    if value is None or isinstance(value, bool):
        return f"{row}.type = %s", ["null" if value is None else str(value).lower()]
    return f"{_same_kind(row, value)} AND {row}.value = %s", [_number(value)]


def _in(row: str, value: Any) -> SQL:
    return _any(_exact(row, wanted) for wanted in value)


def _intersects(row: str, value: Any) -> SQL:
    found, params = _any(_element(row, _exact, wanted) for wanted in value)
    return f"{row}.type = 'array' AND ({found})", params


def _startswith(row: str, value: str) -> SQL:
    return f"{row}.type = 'text' AND substr({row}.value, 1, length(%s)) = %s", [value, value]


def _icontains(row: str, value: str) -> SQL:
    return f"{row}.type = 'text' AND {row}.value LIKE %s ESCAPE '\\'", [like_pattern(value)]


def _contains(row: str, value: Any) -> SQL:
    inside, params = _inside(row, value) if isinstance(value, list | dict) else _element(row, _exact, value)
    within = f"{row}.type IN ('array', 'object') AND ({inside})"
    if isinstance(value, list | dict):
        return within, params
    within = f"{row}.type = 'array' AND ({inside})"
    if not isinstance(value, str):
        return within, params
    return f"({row}.type = 'text' AND instr({row}.value, %s) > 0) OR ({within})", [value, *params]


def _inside(row: str, value: Any) -> SQL:
    """What PostgreSQL calls containment: all pairs of an object, all elements of a list in any order, or the same."""
    if isinstance(value, dict):
        is_object: SQL = (f"{row}.type = 'object'", [])
        return _all([is_object, *(_element(row, _inside, item, key=key) for key, item in value.items())])
    if isinstance(value, list):
        is_array: SQL = (f"{row}.type = 'array'", [])
        return _all([is_array, *(_element(row, _inside, item) for item in value)])
    return _exact(row, value)


def _comparison(operator: str) -> Callable[[str, Any], SQL]:
    def condition(row: str, value: Any) -> SQL:
        return f"{_same_kind(row, value)} AND {row}.value {operator} %s", [_number(value)]

    return condition


def _element(row: str, meaning: Callable[[str, Any], SQL], value: Any, *, key: str | int | None = None) -> SQL:
    """An element of the row's value, under the key if one is given, is as `meaning` says."""
    inner = f"{row}e"
    condition, params = meaning(inner, value)
    if key is not None:
        condition, params = f"{inner}.key = %s AND ({condition})", [key, *params]
    sql = f"EXISTS (SELECT 1 FROM json_each({_container(row)}) AS {inner} WHERE {condition})"  # noqa: S608 - names of ours; values are parameters
    return sql, params


def _is_container(row: str, kind: str, length: int) -> SQL:
    count = f"SELECT COUNT(*) FROM json_each({_container(row)})"  # noqa: S608 - names of ours; values are parameters
    return f"{row}.type = '{kind}' AND ({count}) = %s", [length]


def _container(row: str) -> str:
    """The row's value where it is JSON text: SQLite may look at it before it looks at the type."""
    return f"CASE WHEN {row}.type IN ('array', 'object') THEN {row}.value ELSE '[]' END"


def _same_kind(row: str, value: Any) -> str:
    return f"{row}.type = 'text'" if isinstance(value, str) else f"{row}.type IN ('integer', 'real')"


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) and abs(value) > _LARGEST else value


def _all(conditions: Iterable[SQL]) -> SQL:
    return _joined(" AND ", conditions)


def _any(conditions: Iterable[SQL]) -> SQL:
    return _joined(" OR ", conditions)


def _joined(word: str, conditions: Iterable[SQL]) -> SQL:
    parts = list(conditions)
    return word.join(f"({sql})" for sql, _ in parts), [param for _, params in parts for param in params]


_LOOKUPS: Final[dict[str, Callable[[str, Any], SQL]]] = {
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
