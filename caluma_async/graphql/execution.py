"""A document is run: its operation chosen, mutations to their end, the outcome in the contract's shape and status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import strawberry
from graphql import GraphQLError
from graphql import OperationType as Kind
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from caluma_async.expressions import MOST_STEPS, allowed
from caluma_async.graphql import errors
from caluma_async.graphql.context import Context
from caluma_async.graphql.documents import Documents, InvalidDocumentError
from caluma_async.graphql.perform import under_way

OVER_HTTP = frozenset({OperationType.QUERY, OperationType.MUTATION})


class PreparedDocument(SchemaExtension):
    """Hands the document of the context to Strawberry, which then neither parses nor validates it again."""

    def on_operation(self) -> Iterator[None]:
        """Before anything else of the operation."""
        execution = self.execution_context
        if execution.context is not None and execution.context.document is not None:
            execution.graphql_document = execution.context.document.tree
            execution.pre_execution_errors = []
        yield


class Schema(strawberry.Schema):
    """A schema whose documents are cached and whose errors are logged where they are answered, not by Strawberry."""

    def __init__(self, *types: Any, extensions: Iterable[Any] = (), **options: Any) -> None:
        super().__init__(*types, **{**options, "extensions": (PreparedDocument, *extensions)})
        self.documents = Documents(self._schema)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing is logged here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks to be run."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is answered: the HTTP status, the body as JSON-like values, and what was run, for the log."""

    status: int
    body: dict[str, Any]
    kind: str = "document"
    result: ExecutionResult = field(default_factory=lambda: ExecutionResult(data=None, errors=None))


async def execute(schema: Schema, asked: Asked, context: Context) -> Outcome:
    """Run what is asked for. Raises nothing for what a client can get wrong.

    A mutation that has begun is carried out even if this call is cancelled. All expressions that a request parses and
    evaluates, of however many documents, take `MOST_STEPS` together, or are refused.
    """
    try:
        document = await schema.documents.prepare(asked.query)
        kind = document.kind(asked.operation_name)
        if kind is Kind.SUBSCRIPTION:
            raise InvalidDocumentError([GraphQLError("Subscriptions are not served over HTTP.")])
    except InvalidDocumentError as invalid:
        return Outcome(status=400, body=errors.invalid_request(invalid.errors))
    running = _run(schema, asked, replace(context, document=document))
    result = await (under_way.to_the_end(running) if kind is Kind.MUTATION else running)
    return _outcome(result, kind)


async def _run(schema: Schema, asked: Asked, context: Context) -> ExecutionResult:
    with allowed(MOST_STEPS):
        return await schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=OVER_HTTP,
        )


def _outcome(result: ExecutionResult, kind: Kind) -> Outcome:
    if _is_refused(result):
        return Outcome(status=400, body=errors.invalid_request(result.errors or ()), kind=kind.value, result=result)
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = errors.of_resolvers(result.errors)
    if result.extensions:
        body["extensions"] = result.extensions
    return Outcome(status=200, body=body, kind=kind.value, result=result)


def _is_refused(result: ExecutionResult) -> bool:
    """Whether the variables do not fit. Then nothing was resolved, and yet no extension of the schema has failed."""
    if not result.errors or isinstance(result, PreExecutionError):
        return False
    return result.data is None and all(error.path is None for error in result.errors)
