"""Scalars, and JSON that comes in as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLError

from caluma_async.errors import InvalidInput
from caluma_async.graphql.inputs import from_json
from caluma_async.graphql.scalars import SCALARS, FlowJexl


def parse(scalar: object, value: Any) -> Any:
    definition = SCALARS[scalar]
    assert definition.parse_value is not None
    return definition.parse_value(value)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2030-01-31T12:00:00+00:00", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("2030-01-31T12:00:00Z", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("2030-01-31T12:00:00+02:00", datetime(2030, 1, 31, 10, tzinfo=UTC)),
        ("2030-01-31T12:00:00", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("2030-01-31", datetime(2030, 1, 31, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_with_its_offset(text: str, instant: datetime) -> None:
    assert parse(datetime, text) == instant


@pytest.mark.parametrize("value", ["", "tomorrow", "2030-13-01", "0001-01-01T00:00:00+14:00", 5, None, True])
def test_what_is_no_instant_is_refused_in_words(value: Any) -> None:
    with pytest.raises(GraphQLError, match="is no date and time such as"):
        parse(datetime, value)


def test_an_expression_is_text() -> None:
    assert parse(FlowJexl, "'a'|task") == "'a'|task"
    with pytest.raises(GraphQLError, match="An expression is a string"):
        parse(FlowJexl, 5)


@pytest.mark.parametrize(
    ("given", "value"), [('{"a": [1]}', {"a": [1]}), ("null", None), ({"a": 1}, {"a": 1}), (None, None)]
)
def test_json_comes_as_text_or_as_it_is(given: Any, value: Any) -> None:
    assert from_json(given, "meta") == value


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN", "[Infinity]", "[" * 100_000])
def test_what_is_no_json_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^meta: this is not JSON\.") as caught:
        from_json(text, "meta")
    assert caught.value.field == "meta"
