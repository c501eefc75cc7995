"""GraphQL documents, parsed and validated once: a bounded cache of the valid ones. Runs none of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged as overlapping
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from caluma_async.conf import settings
from caluma_async.graphql.limits import LIMITS
from caluma_async.verbs.inputs import shown

RULES: Final = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)

CACHED_CHARACTERS: Final = 2_000_000
"""All cached documents together: a syntax tree takes about a hundred times the memory of its text."""

COMPARED: Final = 100_000
"""How much work one document may make for the rule that fields of one name must go together: its cost is quadratic."""

overlapping.MAX_COMPLEXITY_BUDGET = COMPARED  # the library's own five times as much takes it seconds

LONG: Final = 10_000
"""Characters from which on a document is prepared in a thread, so that meanwhile others are served."""


class InvalidDocumentError(Exception):
    """The document cannot be run at all; `errors` says why, in GraphQL's terms."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document. `operations` says of what kind each of its operations is, by name (`None`: it has none)."""

    tree: DocumentNode
    operations: Mapping[str | None, OperationType]

    def kind(self, operation_name: str | None) -> OperationType:
        """What kind of operation a request asks for; raises `InvalidDocumentError` if that is unclear."""
        if operation_name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if operation_name is None:
            raise InvalidDocumentError(
                [GraphQLError("The document has several operations; operationName must choose one.")]
            )
        try:
            return self.operations[operation_name]
        except KeyError:
            raise InvalidDocumentError(
                [GraphQLError(f"The document has no operation named {shown(operation_name)}.")]
            ) from None


class Documents:
    """The documents of one schema: at most `GRAPHQL_DOCUMENT_CACHE` of them, the ones used last."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._cache: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._cache)

    async def prepare(self, text: str) -> Document:
        """The document of this text; raises `InvalidDocumentError`."""
        document = self._cache.get(text)
        if document is not None:
            self._cache.move_to_end(text)
            return document
        if len(text) > settings.GRAPHQL_MAX_DOCUMENT:
            raise InvalidDocumentError([_too_long(text)])
        prepared = await asyncio.to_thread(self._prepare, text) if len(text) > LONG else self._prepare(text)
        self._remember(text, prepared)
        return prepared

    def _prepare(self, text: str) -> Document:
        tree = _parsed(text)
        _check(self._schema, tree)
        operations = [node for node in tree.definitions if isinstance(node, OperationDefinitionNode)]
        return Document(tree, {node.name.value if node.name else None: node.operation for node in operations})

    def _remember(self, text: str, document: Document) -> None:
        if text not in self._cache:
            self._cache[text] = document
            self._characters += len(text)
        while self._cache and (
            len(self._cache) > settings.GRAPHQL_DOCUMENT_CACHE or self._characters > CACHED_CHARACTERS
        ):
            forgotten, _ = self._cache.popitem(last=False)
            self._characters -= len(forgotten)


def _too_long(text: str) -> GraphQLError:
    limit = settings.GRAPHQL_MAX_DOCUMENT
    return GraphQLError(f"The document has {len(text)} characters; at most {limit} are allowed.")


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(text, max_tokens=settings.GRAPHQL_MAX_TOKENS)
    except GraphQLError as error:
        raise InvalidDocumentError([error]) from error


def _check(schema: GraphQLSchema, tree: DocumentNode) -> None:
    """Limits first: what is beyond them is not worth the costlier rules."""
    for rules in (LIMITS, RULES):
        errors = validate(schema, tree, rules, hide_suggestions=not settings.GRAPHQL_INTROSPECTION)
        if errors:
            raise InvalidDocumentError([_clear(error) for error in errors])


def _clear(error: GraphQLError) -> GraphQLError:
    if isinstance(error, ValidationAbortedError):
        return GraphQLError("The document is too complex to be checked any further.")
    return error
