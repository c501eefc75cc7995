"""Fields that answer many objects: connections and lists, of all objects or of those below a parent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, cast

from django.db.models import Count, F, Model, Q, QuerySet, Window
from django.db.models.functions import DenseRank
from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_nullable_type

from caluma_async.conf import settings
from caluma_async.graphql.context import Context
from caluma_async.graphql.database import orm
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.filters import filtered
from caluma_async.graphql.loaders import affordable, is_spent, left, loaded, spend, visible, weight
from caluma_async.graphql.ordering import BY_AGE, Order, reverse, sorting
from caluma_async.graphql.pages import Page, Rows, argument, page, page_arguments, too_many
from caluma_async.graphql.relations import reach
from caluma_async.graphql.selection import ResolveInfo, selected

Arguments = Mapping[str, Any]


def connection(
    model: type[Model],
    *,
    below: str | None = None,
    own_key: str = "pk",
    filters: type | None = None,
    orders: type | None = None,
    by_default: Sequence[str] = BY_AGE,
) -> Any:
    """A connection field: a page of the objects of the model.

    `below` is the path from these objects to their parent's key, where the field belongs to one, and `own_key` the
    parent's attribute that holds this key. `filters` and `orders` are the input types of these arguments, if any.
    `by_default` names what the objects are sorted by below that, `-name` for down.
    """
    arguments = page_arguments()
    if filters is not None:
        arguments.append(argument("filter", list[filters | None] | None))  # type: ignore[valid-type]
    if orders is not None:
        arguments.append(argument("order", list[orders | None] | None))  # type: ignore[valid-type]
    connected = Connected(model, below, own_key, filters, orders, by_default)
    return answered_by(connected, reads=[own_key], arguments=arguments)


def listing(model: type[Model], *, below: str, by_default: Sequence[str] = BY_AGE) -> Any:
    """A list field: all objects of the model that belong to the parent, in the order `by_default`."""
    return answered_by(Listed(model, below, by_default))


class Connected:
    """The resolver of a connection field."""

    def __init__(
        self,
        model: type[Model],
        below: str | None,
        own_key: str = "pk",
        filters: type | None = None,
        orders: type | None = None,
        by_default: Sequence[str] = BY_AGE,
    ) -> None:
        self.model = model
        self.below = below
        self._own_key = own_key
        self._filters = filters
        self._orders = orders
        self._by_default = by_default

    @property
    def may_repeat(self) -> bool:
        """Whether several ways may lead from one parent to the same object."""
        step = self.model._meta.get_field(str(self.below).partition("__")[0])
        return bool(step.one_to_many or step.many_to_many)

    def __call__(self, source: Any, info: ResolveInfo, /, **arguments: Any) -> Awaitable[Rows | None] | None:
        if self.below is None:
            return self._answered(orm(Search(self, info, arguments).all), info)
        if self._is_useless(info):
            return None
        spend(info.context, 1)  # to look below an object costs more than the object, even when nothing is there
        key = getattr(source, self._own_key)
        return self._answered(loaded(info, key, lambda: Search(self, info, arguments).below), info)

    async def _answered(self, search: Awaitable[Rows], info: ResolveInfo) -> Rows | None:
        rows = await search
        if self._is_useless(info):
            return None
        spend(info.context, len(rows.nodes) * weight(info.path))
        return rows

    @staticmethod
    def _is_useless(info: ResolveInfo) -> bool:
        """Whether one error has said that this is too much: thousands would be the dearest part of the answer."""
        return is_spent(info.context) and is_nullable_type(info.return_type)

    def narrowed(self, queryset: QuerySet[Any], arguments: Arguments, context: Context) -> QuerySet[Any]:
        """Those objects that the filter leaves."""
        if self._filters is None:
            return queryset
        return filtered(queryset, self._filters, arguments.get("filter"), context)

    def sorted(self, arguments: Arguments, context: Context) -> list[Order]:
        """The order asked for, and one that is always the same below it."""
        return sorting(self._orders, arguments.get("order"), context, by_age=self._by_default)


class Listed:
    """The resolver of a list field: a connection's, without pages."""

    def __init__(self, model: type[Model], below: str, by_default: Sequence[str]) -> None:
        self._all = Connected(model, below, by_default=by_default)

    def __call__(self, source: Any, info: ResolveInfo, /, **_: Any) -> Awaitable[Sequence[Any] | None] | None:
        search = self._all(source, info)
        return None if search is None else self._nodes(search)

    async def _nodes(self, search: Awaitable[Rows | None]) -> Sequence[Any] | None:
        rows = await search
        return None if rows is None else rows.nodes


class Search:
    """One connection in a document: what it selects, filters, sorts and cuts out. Its two searches use the database."""

    def __init__(self, field: Connected, info: ResolveInfo, arguments: Arguments) -> None:
        self._field = field
        self._arguments = arguments
        self._context: Context = info.context
        self._name = info.field_name
        self._weight = weight(info.path)
        self._page = page(**{name: value for name, value in arguments.items() if name not in {"filter", "order"}})
        selection, kind = selected(info), get_named_type(info.return_type)
        if isinstance(kind, GraphQLObjectType) and "edges" in kind.fields:
            self._wants_rows = bool({"edges", "pageInfo"} & selection.keys())
            self._wants_total = "totalCount" in selection
            selection, kind = selection.below("edges", "node"), _node_of(kind)
        else:
            self._wants_rows, self._wants_total = True, False
        self._reach = reach(kind, selection, info)

    def all(self) -> Rows:
        """The page of all objects."""
        found = self._found()
        if not self._wants_rows:
            return Rows(total_count=found.count() if self._wants_total else None)
        wants_total = (self._wants_total and not self._page.is_everything) or self._page.last is not None
        total = found.count() if wants_total else None
        rows = self._cut(self._page if total is None else self._page.within(total), self._complete(found))
        rows.total_count = len(rows.nodes) if self._page.is_everything else total
        return rows

    def below(self, parents: Sequence[Any]) -> list[Rows | BaseException]:
        """The pages of many parents, in their order, by one statement and one for the counts."""
        found = self._found(parents)
        pages = self._pages(parents, found) if self._wants_rows else {parent: Rows() for parent in parents}
        if self._wants_total and not (self._wants_rows and self._page.is_everything):
            totals = self._totals(found)
            for parent, rows in pages.items():
                if isinstance(rows, Rows):
                    rows.total_count = totals.get(parent, 0)
        return [pages[parent] for parent in parents]

    def _found(self, parents: Sequence[Any] | None = None) -> QuerySet[Any]:
        found = visible(self._field.model, self._context)
        if parents is not None:
            found = found.annotate(page_parent=F(str(self._field.below))).filter(page_parent__in=parents)
        return self._field.narrowed(found, self._arguments, self._context)

    def _complete(self, found: QuerySet[Any]) -> QuerySet[Any]:
        return self._reach.loaded_by(found).order_by(*self._field.sorted(self._arguments, self._context))

    def _cut(self, wanted: Page, found: QuerySet[Any]) -> Rows:
        """One row more than asked for tells whether there is a next page."""
        most = settings.GRAPHQL_MAX_ROWS
        number = most if wanted.upper is None else min(wanted.upper - wanted.lower, most)
        nodes = list(found[wanted.lower : wanted.lower + number + 1])
        has_more = len(nodes) > number
        if has_more and wanted.upper != wanted.lower + number:
            raise too_many(self._name)
        return Rows(nodes[:number], wanted.lower, has_more)

    def _pages(self, parents: Sequence[Any], found: QuerySet[Any]) -> dict[Any, Rows | BaseException]:
        """The page of each parent: its rows with their places, and one more where there is a next page."""
        found = self._complete(found.distinct() if self._field.may_repeat else found)
        if not self._page.is_everything:
            # by the place, not by what makes it: Django (5.2) mixes columns up where that is not one of them
            found = self._placed(found).order_by("page_place")
        grouped: dict[Any, list[Any]] = defaultdict(list)
        for node in affordable(found, left(self._context) // self._weight):
            grouped[node.page_parent].append(node)
        return {parent: self._page_of(grouped[parent]) for parent in parents}

    def _placed(self, found: QuerySet[Any]) -> QuerySet[Any]:
        """Only the rows of the page and the one after it, each with its place among those of its parent (from 1)."""
        orders, wanted = self._field.sorted(self._arguments, self._context), self._page
        found = found.annotate(page_place=_rank(orders)).filter(page_place__gt=wanted.lower)
        if wanted.upper is not None:
            found = found.filter(page_place__lte=wanted.upper + 1)
        if wanted.last is not None:
            is_last = Q(page_rest__lte=wanted.last)
            if wanted.upper is not None:
                is_last |= Q(page_place__gt=wanted.upper - wanted.last)
            found = found.annotate(page_rest=_rank(reverse(orders))).filter(is_last)
        return found

    def _page_of(self, nodes: list[Any]) -> Rows | BaseException:
        if self._page.is_everything:
            return (
                Rows(nodes, total_count=len(nodes)) if len(nodes) <= settings.GRAPHQL_MAX_ROWS else too_many(self._name)
            )
        start = nodes[0].page_place - 1 if nodes else self._page.lower
        upper = self._page.upper
        has_more = upper is not None and bool(nodes) and nodes[-1].page_place > upper
        kept = nodes[:-1] if has_more else nodes
        return Rows(kept, start, has_more) if len(kept) <= settings.GRAPHQL_MAX_ROWS else too_many(self._name)

    def _totals(self, found: QuerySet[Any]) -> dict[Any, int]:
        counted = found.order_by().values("page_parent").annotate(page_total=Count("pk", distinct=True))
        return dict(counted.values_list("page_parent", "page_total"))


def _rank(orders: list[Order]) -> Window:
    """The place among the rows of the parent; a row that several ways lead to has one place."""
    return Window(DenseRank(), partition_by=F("page_parent"), order_by=orders)


def _node_of(connection_type: GraphQLObjectType) -> GraphQLNamedType:
    edge = cast("GraphQLObjectType", get_named_type(connection_type.fields["edges"].type))
    return cast("GraphQLNamedType", get_named_type(edge.fields["node"].type))
