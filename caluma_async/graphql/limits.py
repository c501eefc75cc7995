"""What a document may cost, as validation rules: constant classes, so that a valid document stays valid in the cache.

Its length and tokens are checked where it is parsed, the size of a body where it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValidationContext,
    ValidationRule,
)
from graphql.validation import ASTValidationRule

from caluma_async.conf import settings
from caluma_async.verbs.inputs import is_storable


class Selections:
    """Something measured over a document, through its fragments; each fragment is measured once."""

    def __init__(self, context: ValidationContext, measure: Callable[[Selections, SelectionSetNode], int]) -> None:
        self._context = context
        self._measure = measure
        self._fragments: dict[str, int] = {}

    def of(self, selection_set: SelectionSetNode | None) -> int:
        """The measure of a selection; 0 where there is none."""
        return self._measure(self, selection_set) if selection_set is not None else 0

    def of_fragment(self, spread: FragmentSpreadNode) -> int:
        """The measure of a fragment; 0 for one that is unknown or contains itself, which other rules report."""
        name = spread.name.value
        if name not in self._fragments:
            self._fragments[name] = 0
            fragment: FragmentDefinitionNode | None = self._context.get_fragment(name)
            self._fragments[name] = self.of(fragment.selection_set if fragment else None)
        return self._fragments[name]


def _depth(selections: Selections, selection_set: SelectionSetNode) -> int:
    deepest = 0
    for selection in selection_set.selections:
        if isinstance(selection, FragmentSpreadNode):
            depth = selections.of_fragment(selection)
        else:
            below = selections.of(getattr(selection, "selection_set", None))
            depth = below + isinstance(selection, FieldNode)
        deepest = max(deepest, depth)
    return deepest


def _aliases(selections: Selections, selection_set: SelectionSetNode) -> int:
    total = 0
    for selection in selection_set.selections:
        if isinstance(selection, FragmentSpreadNode):
            total += selections.of_fragment(selection)
        else:
            total += selections.of(getattr(selection, "selection_set", None))
            total += isinstance(selection, FieldNode) and selection.alias is not None
    return total


class DepthLimit(ValidationRule):
    """Refuse fields that are nested deeper than `GRAPHQL_MAX_DEPTH`."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Measure the operation."""
        depth, limit = Selections(self.context, _depth).of(node.selection_set), settings.GRAPHQL_MAX_DEPTH
        if depth > limit:
            self.report_error(GraphQLError(f"The fields are nested {depth} levels deep; {limit} are allowed.", node))


class AliasLimit(ValidationRule):
    """Refuse more aliased fields than `GRAPHQL_MAX_ALIASES`; those of a fragment count wherever it is spread."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Measure the operation."""
        aliases, limit = Selections(self.context, _aliases).of(node.selection_set), settings.GRAPHQL_MAX_ALIASES
        if aliases > limit:
            self.report_error(GraphQLError(f"The operation has {aliases} aliases; {limit} are allowed.", node))


class StorableText(ValidationRule):
    """Refuse text that no database could take."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        """Look at the text."""
        if not is_storable(node.value):
            message = "A text has a NUL or half of a surrogate pair, which cannot be stored."
            self.report_error(GraphQLError(message, node))


class Introspection(ValidationRule):
    """Refuse questions about the schema unless `GRAPHQL_INTROSPECTION` allows them (`__typename` always does)."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Look at the field's name."""
        if node.name.value in {"__schema", "__type"} and not settings.GRAPHQL_INTROSPECTION:
            self.report_error(GraphQLError("Introspection is turned off on this server.", node))


LIMITS: Final[tuple[type[ASTValidationRule], ...]] = (DepthLimit, AliasLimit, StorableText, Introspection)
