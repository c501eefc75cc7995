"""Who may see what: base classes for the site's own, and those that many sites need. All listed ones narrow down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any as Anything
from typing import ClassVar, Final

from django.db.models import Model, Q, QuerySet

from caluma_async.access.asking import Asking
from caluma_async.access.declarations import Kind, settled
from caluma_async.access.relations import leads_to_one, snake
from caluma_async.errors import Misconfigured
from caluma_async.records import Record

filter_queryset_for: Final = Kind(
    decorator="filter_queryset_for", base=Model, wanted="models", arguments=("node", "queryset", "info")
)
"""Declare a method as the filter for a model and those derived from it; the nearest declaration holds."""


class BaseVisibility:
    """Narrows a queryset down to what the user may see: nothing is left out where nothing is declared for the model.

    `suppress_visibilities` lists relations to one object, such as `WorkItem.case`, along which it leaves nothing out.

        class Visibility(BaseVisibility):
            @filter_queryset_for(Case)
            def own_cases(self, node, queryset, info):
                return queryset.filter(created_by_user=info.context.user.username)
    """

    suppress_visibilities: ClassVar[Sequence[str]] = ()

    @classmethod
    def restricts(cls, model: type[Model]) -> bool:
        """Whether anything of the model may be left out."""
        own = cls.filter_queryset is not BaseVisibility.filter_queryset
        return own or filter_queryset_for.find(cls, model) is not None

    @classmethod
    def suppresses(cls, relation: str) -> bool:
        """Whether nothing is left out along that relation."""
        return relation in map(snake, cls.suppress_visibilities)

    @classmethod
    def complaints(cls) -> Iterator[str]:
        """What is wrong with the class."""
        yield from filter_queryset_for.complaints(cls)
        for relation in cls.suppress_visibilities:
            if not leads_to_one(relation):
                yield f"{cls.__qualname__}.suppress_visibilities: {relation!r} is no relation to one object."

    def filter_queryset(self, node: type[Model], queryset: QuerySet[Anything], info: Asking) -> QuerySet[Anything]:
        """What of the queryset, whose model is `node`, the user may see."""
        name = filter_queryset_for.find(type(self), node)
        if name is None:
            return queryset
        return checked(settled(getattr(self, name)(node, queryset, info)), node, f"{type(self).__qualname__}.{name}")


class Any(BaseVisibility):
    """Everybody sees everything."""


class Authenticated(BaseVisibility):
    """Whoever is known sees everything, others nothing."""

    @filter_queryset_for(Model)
    def if_known(self, node: type[Model], queryset: QuerySet[Anything], info: Asking) -> QuerySet[Anything]:
        """All or nothing."""
        return queryset if info.user.is_authenticated else queryset.none()


class CreatedByGroup(BaseVisibility):
    """Users see what one of their groups made."""

    @filter_queryset_for(Record)
    def of_the_groups(self, node: type[Model], queryset: QuerySet[Anything], info: Asking) -> QuerySet[Anything]:
        """What was made by one of the user's groups."""
        return queryset.filter(created_by_group__in=list(info.user.groups))


class Union(BaseVisibility):
    """Shows what any of `visibility_classes` shows. To be derived from."""

    visibility_classes: ClassVar[Sequence[type[BaseVisibility]]] = ()

    @classmethod
    def restricts(cls, model: type[Model]) -> bool:
        """Whether every part leaves something out."""
        own = cls.filter_queryset is not Union.filter_queryset
        return own or all(part.restricts(model) for part in cls.visibility_classes)

    @classmethod
    def suppresses(cls, relation: str) -> bool:
        """Whether any part leaves nothing out there, or the class itself says so."""
        return super().suppresses(relation) or any(part.suppresses(relation) for part in cls.visibility_classes)

    @classmethod
    def complaints(cls) -> Iterator[str]:
        """What is wrong with the class and its parts."""
        yield from super().complaints()
        if not cls.visibility_classes:
            yield f"{cls.__qualname__}.visibility_classes must list at least one class."
        if filter_queryset_for.declared(cls):
            yield f"{cls.__qualname__} cannot have filters of its own; put them into one of its visibility_classes."
        for part in cls.visibility_classes:
            yield from part.complaints()

    def filter_queryset(self, node: type[Model], queryset: QuerySet[Anything], info: Asking) -> QuerySet[Anything]:
        """What any part shows."""
        shown = [self._shown_by(part, queryset, info) for part in self.visibility_classes]
        return queryset.filter(reduce(or_, (Q(pk__in=keys_of(found)) for found in shown)))

    def _shown_by(self, part: type[BaseVisibility], queryset: QuerySet[Anything], info: Asking) -> QuerySet[Anything]:
        found = settled(part().filter_queryset(queryset.model, queryset, info))
        return checked(found, queryset.model, part.__qualname__)


def checked(found: Anything, node: type[Model], place: str) -> QuerySet[Anything]:
    """The queryset that a method returned; raises `Misconfigured` if it is none of the model."""
    if not (isinstance(found, QuerySet) and found.model is node):
        raise Misconfigured(f"{place} must return a queryset of {node.__name__}, not {type(found).__name__}.")
    return found


def keys_of(found: QuerySet[Anything]) -> QuerySet[Anything]:
    """The keys of what was found, as a sub-select."""
    ordered = found.query.combinator or found.query.is_sliced
    return (found if ordered else found.order_by()).values("pk")


def without_repetition(found: QuerySet[Anything], whole: QuerySet[Anything]) -> QuerySet[Anything]:
    """What was found of the whole, each object once, and so that it can be filtered, sorted, joined and locked."""
    query = found.query
    repeats = any(getattr(getattr(join, "join_field", None), "one_to_many", False) for join in query.alias_map.values())
    if repeats or query.distinct or query.combinator or query.is_sliced:
        return whole.filter(pk__in=keys_of(found))
    return found
