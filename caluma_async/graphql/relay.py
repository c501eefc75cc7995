"""Global ids: base64 of `TypeName:key` with the concrete type. Knows which types are nodes, not what they hold."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import strawberry
from django.db.models import Model, UUIDField

from caluma_async.errors import InvalidInput
from caluma_async.graphql.fields import answered_by
from caluma_async.verbs.inputs import shown

T = TypeVar("T")
Key = str | UUID

_SLUG: Final = re.compile(r"[-_a-zA-Z0-9]{1,127}")


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type that `node(id)` can answer: those objects of a model whose `attribute`, if any, has that `value`.

    `reads` are the columns that make the attribute, `joins` the relations along which they are found.
    """

    name: str
    model: type[Model]
    attribute: str | None = None
    value: str | None = None
    reads: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()


NODE_TYPES: Final[dict[str, NodeType]] = {}
_INTERFACES: Final[dict[str, NodeType]] = {}
_BY_MODEL: Final[dict[type[Model], dict[str | None, NodeType]]] = {}


def type_name(instance: Any) -> str:
    """The name of the concrete type of an object: `SimpleTask`, not `Task`."""
    kinds = _BY_MODEL[type(instance)]
    only = kinds.get(None)
    if only is not None:
        return only.name
    first = next(iter(kinds.values()))
    return kinds[getattr(instance, str(first.attribute))].name


def key_columns(name: str) -> Sequence[str]:
    """The attributes of objects of that type that make its id: the global one, if it is a node."""
    kind = NODE_TYPES.get(name)
    if kind is None:
        return ("id",)
    return (kind.model._meta.pk.name, *kind.reads)


def key_joins(name: str) -> Sequence[str]:
    """The relations along which the attributes of `key_columns` are found."""
    kind = NODE_TYPES.get(name)
    return () if kind is None else kind.joins


def _resolve_type(instance: Any, *_: Any) -> str:
    return type_name(instance)


@strawberry.interface
class Node:
    """An object with a global id."""

    id: strawberry.ID = answered_by(lambda source, _info: encode(type_name(source), source.pk))

    resolve_type = staticmethod(_resolve_type)


def node_type(
    model: type[Model],
    *,
    attribute: str | None = None,
    value: str | None = None,
    reads: Sequence[str] | None = None,
    joins: Sequence[str] = (),
) -> Callable[[type[T]], type[T]]:
    """Make the class a GraphQL type that stands for objects of the model, and a node.

    With `attribute` and `value`: for those whose attribute has that value. Where the attribute is no column, `reads`
    and `joins` say what it is made of, as for `NodeType`.
    """
    columns = ([] if attribute is None else [attribute]) if reads is None else reads

    def decorate(cls: type[T]) -> type[T]:
        node = NodeType(cls.__name__, model, attribute, value, tuple(columns), tuple(joins))
        NODE_TYPES[node.name] = node
        _BY_MODEL.setdefault(model, {})[value] = node
        if attribute is not None:
            _INTERFACES[model.__name__] = NodeType(model.__name__, model)
        cls.is_type_of = staticmethod(_is_type_of(model, attribute, value))  # type: ignore[attr-defined]
        return strawberry.type(cls)

    return decorate


def _is_type_of(model: type[Model], attribute: str | None, value: str | None) -> Callable[[Any, Any], bool]:
    if attribute is None:
        return lambda instance, _info: isinstance(instance, model)
    return lambda instance, _info: isinstance(instance, model) and getattr(instance, attribute) == value


def encode(name: str, key: object) -> str:
    """The global id of the object of that type and key."""
    return base64.b64encode(f"{name}:{key}".encode()).decode()


def decode(text: str) -> tuple[NodeType, str] | None:
    """The type and the key that a global id names; `None` if it is none of ours.

    Clients that make ids themselves write `Task` where ours say which kind of task.
    """
    try:
        name, found, key = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    node = NODE_TYPES.get(name) or _INTERFACES.get(name)
    return (node, key) if found and node is not None else None


def key_of(text: str, model: type[Model], field: str) -> Key:
    """The key in a global id, a raw uuid or a slug that stands for an object of the model.

    Raises `InvalidInput` that names the field when it is no such thing, or another type's.
    """
    named = decode(text)
    if named is None:
        return raw_key(text, model, field)
    node, key = named
    if node.model is not model:
        raise InvalidInput(
            f"{field}: {shown(text)} is the id of a {node.name}, not of a {model.__name__}.", field=field
        )
    return raw_key(key, model, field)


def raw_key(text: str, model: type[Model], field: str) -> Key:
    """The text as a key of the model: a uuid or a slug."""
    key = parse_uuid(text) if has_uuid(model) else parse_slug(text)
    if key is None:
        kind = "uuid" if has_uuid(model) else "slug"
        raise InvalidInput(
            f"{field}: {shown(text)} is neither the global id nor the {kind} of a {model.__name__}.", field=field
        )
    return key


def has_uuid(model: type[Model]) -> bool:
    """Whether objects of the model have a uuid for a key, not a slug."""
    return isinstance(model._meta.pk, UUIDField)


def parse_uuid(text: str) -> UUID | None:
    """The uuid, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def parse_slug(text: str) -> str | None:
    """The slug, if it is one."""
    return text if _SLUG.fullmatch(text) else None
