"""Loads what fields ask for, for all parents at once: one statement per place in the document, however many rows.

What a place asks for is the same for all parents there, so loaders are kept by place for as long as the request. No two
mutations of a document share a place: neither answers with what was true before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Final, TypeVar, cast

from django.db.models import Model, QuerySet
from graphql.pyutils import Path
from strawberry.dataloader import DataLoader

from caluma_async.conf import settings
from caluma_async.errors import InvalidInput
from caluma_async.graphql.context import Context
from caluma_async.graphql.database import orm
from caluma_async.graphql.selection import ResolveInfo

M = TypeVar("M", bound=Model)
V = TypeVar("V")

# below the number of variables that any of the databases takes in one statement
MOST_KEYS: Final = 10_000

_BY_PLACE: Final = "by place"
_SPENT: Final = "spent"


def visible(model: type[M], context: Context, *, through: str | None = None) -> QuerySet[M]:
    """The objects of the model that the user may see, at the end of the relation `through` if there is one."""
    return context.access.visible(model._default_manager.all(), context.user, through=through)


def loaded(
    info: ResolveInfo, key: Hashable, make: Callable[[], Callable[[Sequence[Any]], Sequence[V | BaseException]]]
) -> Awaitable[V]:
    """What stands for the key; loaded together with the other keys of this place in the document.

    `make` is called once per place and gives the function that loads many: for a list of keys, what stands for each,
    in their order. It runs where the database may be used.
    """
    loaders: dict[Hashable, DataLoader[Any, Any]] = info.context.loaders.setdefault(_BY_PLACE, {})
    here = place(info)
    loader = loaders.get(here)
    if loader is None:
        load = make()

        async def load_all(keys: list[Any]) -> Sequence[Any]:
            return await orm(load, keys)

        loader = loaders[here] = DataLoader(load_all, max_batch_size=MOST_KEYS)
    return cast("Awaitable[V]", loader.load(key))


def place(info: ResolveInfo) -> Hashable:
    """Where in the document a field stands: the names that lead there, without the numbers of rows."""
    names = [info.parent_type.name]
    path: Path | None = info.path
    while path is not None:
        if isinstance(path.key, str):
            names.append(path.key)
        path = path.prev
    return tuple(names)


def weight(path: Path) -> int:
    """What an object counts there: from the third list in a list on, more with each, as their numbers multiply."""
    lists, step = 0, path.prev
    while step is not None:
        lists += isinstance(step.key, int)
        step = step.prev
    return max(1, lists)


def affordable(found: QuerySet[M], most: int) -> list[M]:
    """The rows of a queryset, if they are not more than `most`; raises `InvalidInput` otherwise."""
    rows = list(found[: most + 1])
    if len(rows) > most:
        raise _too_many()
    return rows


def left(context: Context) -> int:
    """How much more the request may get."""
    return max(0, settings.GRAPHQL_MAX_NODES - int(context.loaders.get(_SPENT, 0)))


def spend(context: Context, number: int) -> None:
    """Count objects and nested connections; raises `InvalidInput` if a request gets more than it may."""
    spent = context.loaders[_SPENT] = context.loaders.get(_SPENT, 0) + number
    if spent > settings.GRAPHQL_MAX_NODES:
        raise _too_many()


def is_spent(context: Context) -> bool:
    """Whether the request has already been told that it gets more objects than it may."""
    return int(context.loaders.get(_SPENT, 0)) > settings.GRAPHQL_MAX_NODES


def _too_many() -> InvalidInput:
    most = settings.GRAPHQL_MAX_NODES
    return InvalidInput(
        f"The request asks for more than {most} objects (deeply nested ones count more): ask for smaller pages.",
        field="first",
    )
