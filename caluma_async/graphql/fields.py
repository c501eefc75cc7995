"""Fields that answer by a resolver of ours, called by the executor directly: no argument objects, no thread, no SQL.

What a field of a page of rows costs is paid for each row, so nothing stands between the executor and the attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, cast

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

RESOLVER: Final = "resolver"
READS: Final = "reads"


Resolver = Callable[..., Any]
"""What answers a field: called with the source object, graphql-core's info and the arguments as they came."""


def answered_by(
    resolver: Resolver,
    *,
    reads: Sequence[str] = (),
    arguments: Sequence[StrawberryArgument] = (),
    deprecation_reason: str | None = None,
) -> Any:
    """A field that the resolver answers.

    `reads` names the attributes of the source that the resolver looks at, besides its key: others are not loaded.
    `arguments` are those of the schema.
    """
    metadata = {RESOLVER: resolver, READS: tuple(reads)}
    field = strawberry.field(metadata=metadata, deprecation_reason=deprecation_reason)
    cast("StrawberryField", field).arguments = list(arguments)
    return field


def reads_of(field: GraphQLField) -> Sequence[str]:
    """The attributes of its source that a field looks at."""
    definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return cast("Sequence[str]", definition.metadata.get(READS, (definition.python_name,)))


def text(name: str) -> Any:
    """A localized attribute that has to be there, in the request's language."""
    return answered_by(lambda source, _info: getattr(source, name).translate() or "", reads=[name])


def optional_text(name: str) -> Any:
    """A localized attribute, in the request's language; null if there is no text."""
    return answered_by(lambda source, _info: getattr(source, name).translate(), reads=[name])


def resolve_directly(schema: GraphQLSchema) -> None:
    """Let the executor call the fields' own resolvers, or read the attribute where there is none."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                field.resolve = _direct(field) or field.resolve


def _direct(field: GraphQLField) -> Callable[..., Any] | None:
    definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    resolver: Callable[..., Any] | None = definition.metadata.get(RESOLVER)
    if resolver is not None or not definition.is_basic_field:
        return resolver
    read = attrgetter(definition.python_name)
    return lambda source, _info: read(source)
