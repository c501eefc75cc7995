"""Connections of what is no row of a table: a list that code makes, of which a page is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from strawberry.types.arguments import StrawberryArgument

from caluma_async.conf import settings
from caluma_async.graphql.database import orm
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.loaders import spend, weight
from caluma_async.graphql.pages import Rows, argument, page, too_many
from caluma_async.graphql.selection import ResolveInfo

Making = Callable[[Any, Any, Mapping[str, Any]], Sequence[Any]]
"""Makes the list, of the source object, the request's context and the arguments; it may use the database."""

PAGES: Final[Mapping[str, type]] = {"before": str, "after": str, "first": int, "last": int}


def listed(make: Making, *, reads: Sequence[str] = (), arguments: Sequence[StrawberryArgument] = ()) -> Any:
    """A connection field that shows what `make` gives; `arguments` are those besides the ones of pages."""

    async def resolve(source: Any, info: ResolveInfo, /, **given: Any) -> Rows:
        wanted = page(**{name: value for name, value in given.items() if name in PAGES})
        rest = {name: value for name, value in given.items() if name not in PAGES}
        rows = await orm(make, source, info.context, rest)
        exact = wanted.within(len(rows))
        shown = rows[exact.lower : exact.upper]
        if len(shown) > settings.GRAPHQL_MAX_ROWS:
            raise too_many(info.field_name)
        spend(info.context, len(shown) * weight(info.path))
        has_more = exact.upper is not None and exact.upper < len(rows)
        return Rows(shown, exact.lower, has_more, len(rows))

    pages = [argument(name, kind | None) for name, kind in PAGES.items()]
    return answered_by(resolve, reads=reads, arguments=[*arguments, *pages])
