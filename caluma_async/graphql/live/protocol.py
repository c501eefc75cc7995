"""graphql-transport-ws on one WebSocket: Strawberry's handler, with our limits, our errors, and subscriptions only."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, cast

from django.utils import translation
from graphql import OperationType as Kind
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from caluma_async.expressions import MOST_STEPS, Allowance, allowed
from caluma_async.graphql import body, errors
from caluma_async.graphql.body import BadRequestError
from caluma_async.graphql.context import Context
from caluma_async.graphql.database import use_live_threads
from caluma_async.graphql.documents import Document, InvalidDocumentError
from caluma_async.graphql.execution import Asked, Schema

logger = logging.getLogger("caluma_async.requests")

ONLY_SUBSCRIPTIONS: Final = "Only subscriptions are served over WebSocket; ask the rest over HTTP."
_NEED_ID: Final = frozenset({"subscribe", "complete"})


class Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """What a client says, and what it is answered. `context` is the connection, which makes those of its operations."""

    async def handle_message(self, message: Any) -> None:
        """One message; one that is not of the protocol ends the connection."""
        if problem := _problem(message):
            await self.handle_invalid_message(problem)
        else:
            await super().handle_message(message)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """Run one subscription to its end."""
        context: Context = self.context.of_operation()
        use_live_threads()
        try:
            with translation.override(context.language):
                await self._run(operation, context)
        except Exception as error:  # noqa: BLE001 - the last frame: whatever it is, the client is told
            await self._refuse(operation, [{"message": errors.unexpected("A subscription broke", error)}])

    async def _run(self, operation: Operation[Any, None], context: Context) -> None:
        schema = cast("Schema", self.schema)
        asked = Asked(query=operation.query, variables=operation.variables, operation_name=operation.operation_name)
        try:
            document = await _prepared(schema, asked)
        except InvalidDocumentError as invalid:
            await self._refuse(operation, errors.invalid_request(invalid.errors)["errors"])
            return
        except BadRequestError as error:
            await self._refuse(operation, errors.outermost(error.message)["errors"])
            return
        logger.info("WS subscription, user %s", context.user)
        await self._push(operation, schema, asked, replace(context, document=document))

    async def _push(self, operation: Operation[Any, None], schema: Schema, asked: Asked, context: Context) -> None:
        with allowed(MOST_STEPS) as given:
            await self._follow(operation, schema, asked, context, given)

    async def _follow(
        self, operation: Operation[Any, None], schema: Schema, asked: Asked, context: Context, given: Allowance
    ) -> None:
        stream = await schema.stream(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=(OperationType.SUBSCRIPTION,),
        )
        async with aclosing(stream):
            async for result in stream:
                given.left = given.most  # what comes next is asked for anew
                found: Any = result
                if isinstance(found, PreExecutionError) or (found.data is None and found.errors):
                    await self._refuse(operation, errors.of_resolvers(found.errors or ()))
                    return
                payload = {"data": found.data}
                if found.errors:
                    payload["errors"] = errors.of_resolvers(found.errors)
                await operation.send_operation_message(
                    cast("Any", {"id": operation.id, "type": "next", "payload": payload})
                )
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _refuse(self, operation: Operation[Any, None], problems: Sequence[Mapping[str, Any]]) -> None:
        await operation.send_operation_message(
            cast("Any", {"id": operation.id, "type": "error", "payload": list(problems)})
        )


async def _prepared(schema: Schema, asked: Asked) -> Document:
    document = await schema.documents.prepare(asked.query)
    if document.kind(asked.operation_name) is not Kind.SUBSCRIPTION:
        raise BadRequestError(ONLY_SUBSCRIPTIONS)
    return document


def _problem(message: Any) -> str:
    """What is wrong with a message; empty if it is one of the protocol. What it asks for is put in order."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message must be an object with a type."
    if message["type"] in _NEED_ID and not isinstance(message.get("id"), str):
        return f"A message of type {message['type']} needs an id."
    if message["type"] == "subscribe":
        try:
            asked = body.asked_for(message.get("payload"))
        except BadRequestError as error:
            return error.message
        message["payload"] = {
            "query": asked.query,
            "variables": asked.variables,
            "operationName": asked.operation_name,
        }
    return ""
