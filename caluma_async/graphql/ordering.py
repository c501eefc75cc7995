"""The `order` argument of connections: what its input types mean, and the order below it that is always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import strawberry
from django.db.models import Case, Expression, F, Model, Q, Subquery, When
from django.db.models.expressions import OrderBy
from strawberry.utils.str_converters import to_camel_case

from caluma_async.errors import InvalidInput
from caluma_async.graphql.context import Context
from caluma_async.graphql.filters.conditions import storable
from caluma_async.graphql.filters.json import Sortable
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.localized import shown_text

Order = OrderBy
Value = Expression | Subquery | F
Meaning = Callable[[Any, Context], Value]
Reaches = Mapping[str, type[Model]]

SORTS_BY: Final = "sorts_by"
MOST_ORDERS: Final = 20
BY_AGE: Final = ("created_at", "pk")


@strawberry.enum
class AscDesc(Enum):
    """Up or down."""

    ASC = "asc"
    DESC = "desc"


def sorts_by(meaning: Meaning) -> Any:
    """A key of an order: `meaning` says by what the value sorts, in a request."""
    return strawberry.field(default=strawberry.UNSET, metadata={SORTS_BY: meaning})


def attribute(special: Mapping[Enum, Callable[[Context], Value]] | None = None) -> Any:
    """The key for attributes: each is the path that its value is, or what `special` says."""

    def meaning(wanted: Enum, context: Context) -> Value:
        made = (special or {}).get(wanted)
        return F(wanted.value) if made is None else made(context)

    return sorts_by(meaning)


def localized(*attributes: Enum) -> dict[Enum, Callable[[Context], Value]]:
    """What `attribute` is told of localized attributes: they sort by the text that the user reads."""
    return {attribute: lambda _context, path=attribute.value: shown_text(path) for attribute in attributes}  # type: ignore[misc]


def key_of(path: str, reaches: Reaches | None = None) -> Any:
    """The key for what stands under a key of a JSON object; `reaches` as for `seen`."""
    return sorts_by(lambda key, context: seen(Sortable(path, key), reaches or {}, context))


def seen(value: Value, reaches: Reaches, context: Context) -> Value:
    """The value; none where the user may not see what it is read from.

    `reaches` names the relations that lead there.
    """
    hidden = {path: model for path, model in reaches.items() if context.access.restricts(model)}
    if not hidden:
        return value
    is_visible = Q(**{f"{path}__in": visible(model, context) for path, model in hidden.items()})
    return Case(When(is_visible, then=value))


@strawberry.input
class Ordered:
    """Which way."""

    direction: AscDesc | None = strawberry.UNSET


@strawberry.input
class MetaOrdered(Ordered):
    """Which way, and by a key of `meta`."""

    meta: str | None = key_of("meta")


def sorting(
    kind: type | None,
    orders: Sequence[Mapping[str, Any] | None] | None,
    context: Context,
    *,
    by_age: Sequence[str] = BY_AGE,
) -> list[Order]:
    """The orders asked for, applied one after the other, then by age: no two rows are equal.

    `kind` is the input type that the orders are of; they come as graphql-core reads them, by GraphQL names. `by_age`
    names the attributes that tell the age, or whatever else sorts them; `-name` means down.
    """
    if len(orders or ()) > MOST_ORDERS:
        raise InvalidInput(f"order: {MOST_ORDERS} at most.", field="order")
    found = [] if kind is None else [order for given in orders or () for order in _orders(kind, given or {}, context)]
    return [*found, *(OrderBy(F(name.removeprefix("-")), descending=name.startswith("-")) for name in by_age)]


def reverse(orders: Iterable[Order]) -> list[Order]:
    """The same orders the other way round."""
    return [
        # made anew: a copy would bring along that Django holds it equal to the original
        OrderBy(
            order.expression,
            descending=not order.descending,
            nulls_first=order.nulls_last,
            nulls_last=order.nulls_first,
        )
        for order in orders
    ]


def _orders(kind: type, given: Mapping[str, Any], context: Context) -> list[Order]:
    meanings = _meanings(kind)
    filled = {name: value for name, value in given.items() if name in meanings and value not in (None, "")}
    if len(filled) > 1:
        names = " and ".join(sorted(filled))
        raise InvalidInput(f"order: one key per object besides direction, not {names} together.", field="order")
    values = [meanings[name](storable(value, name, of="order"), context) for name, value in filled.items()]
    descending = given.get("direction") is AscDesc.DESC
    return [OrderBy(value, descending=descending, **_nulls(descending)) for value in values]


def _nulls(descending: bool) -> dict[str, bool]:
    """What has no value comes last going up, and first going down."""
    return {"nulls_first": True} if descending else {"nulls_last": True}


def _meanings(kind: type) -> Mapping[str, Meaning]:
    found: Mapping[str, Meaning] | None = kind.__dict__.get("meanings_by_name")
    if found is None:
        fields = kind.__strawberry_definition__.fields  # type: ignore[attr-defined]
        named = {to_camel_case(field.python_name): field.metadata for field in fields}
        found = {name: metadata[SORTS_BY] for name, metadata in named.items() if SORTS_BY in metadata}
        kind.meanings_by_name = found  # type: ignore[attr-defined]
    return found
