"""The scalars of the contract. What they carry is checked where it is used, so that errors can name the field."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final, NewType

import strawberry
from django.utils import timezone
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from caluma_async.verbs.inputs import shown

GenericScalar = NewType("GenericScalar", object)
JSONString = NewType("JSONString", object)
FlowJexl = NewType("FlowJexl", str)
GroupJexl = NewType("GroupJexl", str)
QuestionJexl = NewType("QuestionJexl", str)


def _as_is(value: Any) -> Any:
    return value


def _instant(value: Any) -> datetime:
    """An instant of time; without an offset it is one of the site's time zone."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
            aware = timezone.make_aware(parsed) if timezone.is_naive(parsed) else parsed
            return aware.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise GraphQLError(f"{shown(value)} is no date and time such as 2030-01-31T12:00:00+00:00.")


def _expression(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("An expression is a string.")
    return value


def _iso(value: date) -> str:
    return value.isoformat()


def _json_text(value: Any) -> Any:
    """A string of JSON, or the object itself; read by `inputs`, which knows the field."""
    return value


SCALARS: Final[dict[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant of time in ISO 8601, with an offset.",
        serialize=_iso,
        parse_value=_instant,
    ),
    date: strawberry.scalar(
        name="Date", description="A day in ISO 8601: 2030-01-31.", serialize=_iso, parse_value=_as_is
    ),
    GenericScalar: strawberry.scalar(
        name="GenericScalar", description="Any JSON value.", serialize=_as_is, parse_value=_as_is
    ),
    JSONString: strawberry.scalar(
        name="JSONString",
        description="JSON in a string; an object is taken too.",
        serialize=_as_is,
        parse_value=_json_text,
    ),
    FlowJexl: strawberry.scalar(
        name="FlowJexl", description="A flow expression in JEXL.", serialize=str, parse_value=_expression
    ),
    GroupJexl: strawberry.scalar(
        name="GroupJexl", description="A group expression in JEXL.", serialize=str, parse_value=_expression
    ),
    QuestionJexl: strawberry.scalar(
        name="QuestionJexl",
        description="An expression about questions in JEXL.",
        serialize=str,
        parse_value=_expression,
    ),
}
