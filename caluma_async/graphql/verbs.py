"""Mutations as fields: read the input, perform the verb, read the payload after the commit. Knows no verb by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import strawberry
from graphql import GraphQLObjectType, get_named_type
from strawberry.utils.str_converters import to_camel_case

from caluma_async.graphql.context import Context, Info
from caluma_async.graphql.database import orm
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.inputs import json_text, optional, read
from caluma_async.graphql.pages import argument
from caluma_async.graphql.perform import perform
from caluma_async.graphql.relations import reach, with_key
from caluma_async.graphql.scalars import JSONString
from caluma_async.graphql.selection import ResolveInfo, selected
from caluma_async.verbs import Verb


@strawberry.input
class Input:
    """What every mutation takes. `clientMutationId` comes back as it was sent."""

    client_mutation_id: str | None = optional()


@strawberry.input
class ContextInput(Input):
    """As `Input`; `context` is handed to permissions, validations, dynamic tasks and groups, and receivers."""

    context: JSONString | None = json_text()


@strawberry.type
class Payload:
    """What every mutation answers."""

    client_mutation_id: str | None


def mutation(verb: type[Verb[Any]], takes: type, answers: str, *, deprecation_reason: str | None = None) -> Any:
    """A mutation: `takes` is its input type, `answers` the payload's attribute for what the verb returns."""
    field_argument = argument("input", takes)
    return answered_by(
        Performed(verb, takes, answers), arguments=[field_argument], deprecation_reason=deprecation_reason
    )


class Performed:
    """The resolver of a mutation."""

    def __init__(self, verb: type[Verb[Any]], takes: type, answers: str) -> None:
        self._verb = verb
        self._takes = takes
        self._answers = answers

    async def __call__(self, source: Any, info: ResolveInfo, /, *, input: Mapping[str, Any]) -> SimpleNamespace:  # noqa: A002
        data = read(self._takes, input)
        mutation_id, context = data.pop("client_mutation_id", None), data.pop("context", None)
        asking: Context = info.context
        verb = self._verb(asking.user, context=context, access=asking.access, **data)
        result = await perform(cast("Info", info), verb)
        answer = result if verb.removes else await self._read(result, info)
        return SimpleNamespace(**{self._answers: answer}, client_mutation_id=mutation_id, verb=verb)

    async def _read(self, result: Any, info: ResolveInfo) -> Any:
        """The result; with what it refers to, as of after the commit, where that is selected."""
        payload = cast("GraphQLObjectType", get_named_type(info.return_type))
        name = to_camel_case(self._answers)
        wanted = reach(get_named_type(payload.fields[name].type), selected(info).below(name), info)
        if result is None or not wanted.joins:
            return result
        return await orm(with_key, type(result), result.pk, wanted, info.context)
