"""Pages of rows: what `first`, `last`, `before`, `after` and `offset` ask for, cursors, and the answer. No SQL here."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from caluma_async.conf import settings
from caluma_async.errors import InvalidInput
from caluma_async.verbs.inputs import shown

N = TypeVar("N")

_CURSOR: Final = "arrayconnection:"
_FARTHEST: Final = 10**12


@strawberry.type
class PageInfo:
    """Where a page lies."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[N]):
    """One object and its place."""

    node: N | None
    cursor: str


@strawberry.type
class Connection(Generic[N]):
    """A page of objects. `totalCount` counts all that the filter leaves, on whatever page."""

    page_info: PageInfo
    edges: list[Edge[N] | None]
    total_count: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows from `lower` up to but not including `upper`, and of these only the `last` ones; `None`: all."""

    lower: int = 0
    upper: int | None = None
    last: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.lower == 0 and self.upper is None and self.last is None

    def within(self, total: int) -> Page:
        """The same page when the number of all rows is known: without `last`."""
        if self.last is None:
            return self
        upper = total if self.upper is None else min(self.upper, total)
        return Page(max(self.lower, upper - self.last), upper)


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """The source of an `Edge`."""

    node: Any
    place: int

    @property
    def cursor(self) -> str:
        return cursor_at(self.place)


@dataclass(slots=True)
class Rows:
    """The source of a `Connection`: the rows of a page, the first of which has the place `start` (from 0)."""

    nodes: Sequence[Any] = field(default_factory=list)
    start: int = 0
    has_next_page: bool = False
    total_count: int | None = None

    @property
    def edges(self) -> list[EdgeRow]:
        return [EdgeRow(node, place) for place, node in enumerate(self.nodes, self.start)]

    @property
    def page_info(self) -> Rows:
        return self

    @property
    def has_previous_page(self) -> bool:
        return self.start > 0

    @property
    def start_cursor(self) -> str | None:
        return cursor_at(self.start) if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        return cursor_at(self.start + len(self.nodes) - 1) if self.nodes else None


def cursor_at(place: int) -> str:
    """The cursor of the row with that place."""
    return base64.b64encode(f"{_CURSOR}{place}".encode()).decode()


def place_of(cursor: str, name: str) -> int:
    """The place that a cursor names."""
    try:
        text = base64.b64decode(cursor, validate=True).decode()
        place = int(text.removeprefix(_CURSOR)) if text.startswith(_CURSOR) else -1
    except (binascii.Error, ValueError):
        place = -1
    if not 0 <= place <= _FARTHEST:
        raise InvalidInput(f"{name}: {shown(cursor)} is no cursor of a connection.", field=name)
    return place


def page(
    *,
    first: int | None = None,
    last: int | None = None,
    before: str | None = None,
    after: str | None = None,
    offset: int | None = None,
) -> Page:
    """The page that the arguments of a connection ask for; raises `InvalidInput` where they make no sense."""
    for name, number in (("first", first), ("last", last), ("offset", offset)):
        if number is not None and number < 0:
            raise InvalidInput(f"{name}: {number} is negative.", field=name)
    for name, number in (("first", first), ("last", last)):
        if number is not None and number > settings.GRAPHQL_MAX_ROWS:
            most = settings.GRAPHQL_MAX_ROWS
            raise InvalidInput(f"{name}: {number} rows are more than the {most} that one page may have.", field=name)
    # clients ask for the page after the cursor of an empty one: ""
    lower = (offset or 0) + (place_of(after, "after") + 1 if after else 0)
    upper = max(place_of(before, "before"), lower) if before else None
    if first is not None:
        upper = lower + first if upper is None else min(upper, lower + first)
    return Page(lower, upper, last)


def cut(found: Sequence[Any], **arguments: Any) -> Rows:
    """The page of rows that are all at hand."""
    wanted = page(**arguments)
    upper = len(found) if wanted.upper is None else min(wanted.upper, len(found))
    lower = min(wanted.lower, upper) if wanted.last is None else max(wanted.lower, upper - wanted.last)
    return Rows(found[lower:upper], lower, upper < len(found), len(found))


def too_many(field_name: str) -> InvalidInput:
    """The error for a connection that would return more rows than one may."""
    most = settings.GRAPHQL_MAX_ROWS
    return InvalidInput(f"{field_name} has more than {most} rows: ask for pages with first and after.", field="first")


def page_arguments() -> list[StrawberryArgument]:
    """The arguments that every connection takes."""
    kinds: dict[str, Any] = {"offset": int, "before": str, "after": str, "first": int, "last": int}
    return [argument(name, kind | None) for name, kind in kinds.items()]


def argument(name: str, kind: Any) -> StrawberryArgument:
    """An argument of a field: one that may be left out if its type is optional."""
    return StrawberryArgument(python_name=name, graphql_name=None, type_annotation=StrawberryAnnotation(kind))
