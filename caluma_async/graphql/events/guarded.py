"""Connections that only those may look at who are allowed to: the permission is asked once per request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.db.models import Model
from strawberry.types.arguments import StrawberryArgument

from caluma_async.access import Operation
from caluma_async.graphql.connections import Arguments, Connected
from caluma_async.graphql.context import Context
from caluma_async.graphql.database import orm
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.ordering import Order, sorting
from caluma_async.graphql.pages import Rows, argument, page_arguments
from caluma_async.graphql.selection import ResolveInfo
from caluma_async.identity import User

Look = Callable[[User], Operation]


def guarded(
    look: Look,
    model: type[Model],
    filters: type,
    orders: type,
    *,
    below: str | None = None,
    own_key: str = "pk",
) -> Any:
    """A connection for those who may `look`; the rest as for `connection`."""
    arguments = connection_arguments(filters, orders)
    resolver = Guarded(look, model, below, own_key, filters, orders)
    return answered_by(resolver, reads=[own_key], arguments=arguments)


def connection_arguments(filters: type, orders: type) -> list[StrawberryArgument]:
    """The arguments of a connection with these filters and orders."""
    return [
        *page_arguments(),
        argument("filter", list[filters | None] | None),  # type: ignore[valid-type]
        argument("order", list[orders | None] | None),  # type: ignore[valid-type]
    ]


class Guarded(Connected):
    """The resolver of such a connection. Its rows are as old as their keys say."""

    def __init__(self, look: Look, *field: Any) -> None:
        super().__init__(*field)
        self._look = look
        self._order_type: type = field[-1]

    async def __call__(self, source: Any, info: ResolveInfo, /, **arguments: Any) -> Rows | None:
        await admitted(info.context, self._look)
        search = super().__call__(source, info, **arguments)
        return None if search is None else await search

    def sorted(self, arguments: Arguments, context: Context) -> list[Order]:
        """The order asked for, then that of the keys."""
        return sorting(self._order_type, arguments.get("order"), context, by_age=("pk",))


def admitted(context: Context, look: Look) -> Awaitable[None]:
    """Pass if the user may look; raise `NotAllowed` otherwise."""
    key = (admitted, look)
    if key not in context.loaders:
        context.loaders[key] = asyncio.ensure_future(orm(context.access.admit, look(context.user)))
    answer: Awaitable[None] = context.loaders[key]
    return answer
