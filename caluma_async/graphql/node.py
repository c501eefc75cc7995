"""`node(id)`: the object that an id names, of whatever type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry
from django.db.models import Model

from caluma_async.errors import InvalidInput
from caluma_async.graphql.database import orm
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.pages import argument
from caluma_async.graphql.relations import reach, together, with_key
from caluma_async.graphql.relay import (
    NODE_TYPES,
    Key,
    Node,
    decode,
    has_uuid,
    parse_slug,
    parse_uuid,
    raw_key,
    type_name,
)
from caluma_async.graphql.selection import ResolveInfo, selected
from caluma_async.verbs.inputs import shown


async def _find(source: Any, info: ResolveInfo, /, *, id: str) -> Model | None:  # noqa: A002 - the contract's name
    """The object, or `None` if there is none, or none that the user may see."""
    named = decode(id)
    if named is not None:
        kind, key = named
        found = await orm(_look, {kind.model: raw_key(key, kind.model, "id")}, info)
        return next(
            (instance for instance in found if kind.attribute is None or type_name(instance) == kind.name), None
        )
    found = await orm(_look, _candidates(id), info)
    if len(found) > 1:
        names = " and ".join(type_name(instance) for instance in found)
        raise InvalidInput(f"id: {shown(id)} may be a {names}: use the global id.", field="id")
    return found[0] if found else None


def _candidates(text: str) -> Mapping[type[Model], Key]:
    """Whatever a raw key may belong to."""
    models = {kind.model: None for kind in NODE_TYPES.values()}
    uuid, slug = parse_uuid(text), parse_slug(text)
    if uuid is None and slug is None:
        raise InvalidInput(f"id: {shown(text)} is neither a global id nor a uuid nor a slug.", field="id")
    keys = {model: uuid if has_uuid(model) else slug for model in models}
    return {model: key for model, key in keys.items() if key is not None}


def _look(candidates: Mapping[type[Model], Key], info: ResolveInfo) -> list[Model]:
    found: list[Model | None] = []
    for model, key in candidates.items():
        wanted = together(
            reach(info.schema.type_map[kind.name], selected(info), info)
            for kind in NODE_TYPES.values()
            if kind.model is model
        )
        found.append(with_key(model, key, wanted, info.context))
    return [instance for instance in found if instance is not None]


@strawberry.type
class NodeQuery:
    """How any object is found."""

    node: Node | None = answered_by(_find, arguments=[argument("id", strawberry.ID)])
