"""What a mutation's input says, as verbs take it: keys instead of ids, values instead of JSON text, snake_case names.

A field that was left out is left out: it changes nothing. Whether `null` is allowed, and what may be written where,
is the verb's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import strawberry
from django.db.models import Model
from strawberry.utils.str_converters import to_camel_case

from caluma_async.errors import InvalidInput
from caluma_async.graphql.filters.conditions import plain
from caluma_async.graphql.relay import key_of

Reading = Callable[[Any, str], Any]

READING: Final = "reading"


def _read_by(reading: Reading, *, optional: bool) -> Any:
    default = {"default": strawberry.UNSET} if optional else {}
    return strawberry.field(metadata={READING: reading}, **default)


def reference(model: type[Model], *, optional: bool = False) -> Any:
    """A field that names an object by an id of any sort."""
    return _read_by(lambda value, name: None if value is None else key_of(value, model, name), optional=optional)


def references(model: type[Model], *, optional: bool = False) -> Any:
    """A field that names objects by ids of any sort."""

    def reading(values: list[Any] | None, name: str) -> Any:
        if values is not None and None in values:
            raise InvalidInput(f"{name} must not contain null.", field=name)
        return None if values is None else [key_of(value, model, name) for value in values]

    return _read_by(reading, optional=optional)


def json_text() -> Any:
    """A field that holds JSON, as text or as it is."""
    return _read_by(from_json, optional=True)


def one_of() -> Any:
    """A field that holds one of an enumeration's values."""
    return _read_by(lambda value, _name: plain(value), optional=False)


def optional() -> Any:
    """A field that may be left out, and goes to the verb as it is."""
    return strawberry.field(default=strawberry.UNSET)


def read_by(reading: Reading) -> Any:
    """A field that may be left out, and is read by a function of its value and name."""
    return _read_by(reading, optional=True)


def from_json(value: Any, name: str) -> Any:
    """The value that a text of JSON stands for; what is no text stands for itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name}: this is not JSON.", field=name) from error


def read(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """The input by its Python names; `kind` is its type, `given` comes by GraphQL names, as graphql-core reads it.

    Raises `InvalidInput` that names the field.
    """
    values: dict[str, Any] = {}
    for field in kind.__strawberry_definition__.fields:  # type: ignore[attr-defined]
        name = to_camel_case(field.python_name)
        if name in given:
            reading = field.metadata.get(READING)
            values[field.python_name] = given[name] if reading is None else reading(given[name], name)
    return values


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
