"""Fields that lead from an object to another one: joined ahead where everybody may see it, else loaded in one go."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor, ReverseOneToOneDescriptor
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)

from caluma_async.access import Access
from caluma_async.compiled import Compiled
from caluma_async.errors import NotFound
from caluma_async.graphql.context import Context
from caluma_async.graphql.fields import answered_by, reads_of
from caluma_async.graphql.loaders import loaded, visible
from caluma_async.graphql.relay import key_columns, key_joins
from caluma_async.graphql.selection import ResolveInfo, Selection, selected

M = TypeVar("M", bound=Model)

# what is further away is loaded by statements of its own: databases limit the tables in a join
MOST_JOINS: Final = 8

# clients send a few documents over and over; whoever makes up new ones must not fill the memory
MOST_COMPILED: Final = 200

_MISSING: Final = object()

Descriptor: TypeAlias = "ForwardManyToOneDescriptor[Any] | ReverseOneToOneDescriptor[Any, Any]"


def related(descriptor: Any) -> Any:
    """A field that answers the object that a model attribute leads to: `related(WorkItem.task)`."""
    relation = Related(descriptor)
    return answered_by(relation, reads=[relation.own_key])


class Related:
    """The resolver of such a field.

    `name` is the attribute and `target` the model of what it leads to; an object's `own_key` equals the `their_key` of
    the other one. `path` is what access rules call the relation: `WorkItem.case`.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        if isinstance(descriptor, ForwardManyToOneDescriptor):
            self.target: type[Model] = descriptor.field.related_model
            owner = descriptor.field.model
            self.name, self.own_key = descriptor.field.name, descriptor.field.attname
            self.their_key = self.target._meta.pk.attname
        else:
            relation = descriptor.related
            self.target, owner = relation.related_model, relation.model
            self.name, self.own_key = str(relation.get_accessor_name()), "pk"
            self.their_key = relation.field.attname
        self.path = f"{owner.__name__}.{self.name}"

    def __call__(self, source: Any, info: ResolveInfo, /, **_: Any) -> Any:
        key = getattr(source, self.own_key)
        if key is None:
            return None
        if not self.is_restricted(info):
            known = source._state.fields_cache.get(self.name, _MISSING)
            if known is not _MISSING:
                return known
        return self._load(key, info)

    def is_restricted(self, info: ResolveInfo) -> bool:
        """Whether the user may be hidden what this relation leads to."""
        access: Access = info.context.access
        return access.restricts(self.target, through=self.path)

    async def _load(self, key: Any, info: ResolveInfo) -> Model | None:
        wanted: Awaitable[Model | None] = loaded(info, key, lambda: Loading(self, info))
        found = await wanted
        if found is None and isinstance(info.return_type, GraphQLNonNull):
            raise NotFound(
                f"{info.parent_type.name}.{info.field_name}: there is no such object, or you may not see it."
            )
        return found


class Loading:
    """Loads the related objects of many at once: called with keys, gives an object or `None` for each."""

    def __init__(self, relation: Related, info: ResolveInfo) -> None:
        self._relation = relation
        self._context: Context = info.context
        self._reach = reach(get_named_type(info.return_type), selected(info), info).with_column(relation.their_key)

    def __call__(self, keys: Sequence[Any]) -> list[Model | None]:
        key = self._relation.their_key
        target, path = self._relation.target, self._relation.path
        queryset = visible(target, self._context, through=path).filter(**{f"{key}__in": keys})
        found = {getattr(instance, key): instance for instance in self._reach.loaded_by(queryset)}
        return [found.get(wanted) for wanted in keys]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a selection needs of objects: `joins` are the relations to join, `columns` the attributes to read.

    `kinds` are further relations to join, along which the objects' own types are told.
    """

    joins: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def loaded_by(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """The queryset, that loads this and nothing else."""
        joins = (*self.joins, *self.kinds)
        return (queryset.select_related(*joins) if joins else queryset).only(*self.columns)

    def with_column(self, name: str) -> Reach:
        """The same, with one attribute more."""
        return Reach(self.joins, (*self.columns, name), self.kinds)


def reach(kind: GraphQLNamedType, selection: Selection, info: ResolveInfo) -> Reach:
    """What a selection on the type needs.

    Relations that are nearer are joined first; what may be hidden from somebody is left out, with all behind it.
    """
    joins: dict[str, None] = {}
    columns: dict[str, None] = {}
    kinds: dict[str, None] = {}
    todo = deque([("", kind, selection)])
    while todo:
        prefix, kind, selection = todo.popleft()
        # what several possible types share is followed once: with each level the ways to it would multiply
        followed: set[tuple[str, GraphQLNamedType]] = set()
        for possible in _possible(kind, info):
            columns |= dict.fromkeys(prefix + name for name in key_columns(possible.name))
            kinds |= dict.fromkeys(prefix + name for name in key_joins(possible.name))
            for name, field, below in _fields(possible, selection):
                columns |= dict.fromkeys(prefix + read for read in reads_of(field) if read != "pk")
                relation, target = field.resolve, get_named_type(field.type)
                if isinstance(relation, Related) and not relation.is_restricted(info):
                    path = prefix + relation.name
                    if path in joins or path in kinds or len(joins) < MOST_JOINS:
                        joins[path] = None
                        columns[f"{path}__{relation.their_key}"] = None
                        if (name, target) not in followed:
                            followed.add((name, target))
                            todo.append((f"{path}__", target, below))
    return Reach(tuple(joins), tuple(columns), tuple(kinds))


def with_key(model: type[M], key: Any, wanted: Reach, context: Context) -> M | None:
    """The object of that key with what is wanted of it; `None` if there is none, or none that the user may see."""
    access: Access = context.access
    # a number, such as a delivery has, is no value of a compiled query
    if access.restricts(model) or not isinstance(key, str | UUID):
        return wanted.loaded_by(visible(model, context).filter(pk=key)).first()
    return next(iter(_by_key(model, wanted)(key)), None)


@lru_cache(maxsize=MOST_COMPILED)
def _by_key(model: type[M], wanted: Reach) -> Compiled[M]:
    return Compiled(lambda key: wanted.loaded_by(model._default_manager.filter(pk=key)))


def together(reaches: Iterable[Reach]) -> Reach:
    """What any of them needs."""
    joins: dict[str, None] = {}
    columns: dict[str, None] = {}
    kinds: dict[str, None] = {}
    for one in reaches:
        joins |= dict.fromkeys(one.joins)
        columns |= dict.fromkeys(one.columns)
        kinds |= dict.fromkeys(one.kinds)
    return Reach(tuple(joins), tuple(columns), tuple(kinds))


def _fields(kind: GraphQLObjectType, selection: Selection) -> Iterator[tuple[str, GraphQLField, Selection]]:
    for name, below in selection.items():
        if name in kind.fields:
            yield name, kind.fields[name], below


def _possible(kind: GraphQLNamedType, info: ResolveInfo) -> Sequence[GraphQLObjectType]:
    if isinstance(kind, GraphQLInterfaceType):
        return info.schema.get_possible_types(kind)
    return [kind] if isinstance(kind, GraphQLObjectType) else []
