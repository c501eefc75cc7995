"""How large a filter is: counted without recursion, for its depth is the client's."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.graphql.filters.conditions import depth, size


def nested(levels: int) -> Any:
    """An object in an object, so many levels deep."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "values", "levels"),
    [
        (1, 1, 1),
        ("abc", 1, 1),
        ([], 1, 1),
        ([1, [2, 3]], 5, 3),
        ({"a": 1, "b": {"c": [2]}}, 5, 4),
        (nested(50_000), 50_001, 50_001),
    ],
)
def test_values_and_levels_are_counted_however_deep_they_lie(value: Any, values: int, levels: int) -> None:
    assert (size(value), depth(value)) == (values, levels)
