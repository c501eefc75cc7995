"""What a request selects below a field: read from the document, so that all of it can be loaded at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)
from strawberry.types.nodes import get_variable_values

from caluma_async.graphql.context import Context

ResolveInfo: TypeAlias = "GraphQLResolveInfo[Context]"
"""What the executor hands to a resolver."""

Selection: TypeAlias = dict[str, "Selection"]
"""Names of fields (not aliases), each with what is selected below; what fragments select is part of it."""

_KEEPS: Final = {"include": True, "skip": False}


def selected(info: ResolveInfo) -> Selection:
    """What is selected below the field that is being resolved."""
    found: Selection = {}
    for node in info.field_nodes:
        _gather(node.selection_set, info, found)
    return found


def _gather(selection_set: SelectionSetNode | None, info: ResolveInfo, found: Selection) -> None:
    for node in _included(selection_set, info):
        if isinstance(node, FieldNode):
            _gather(node.selection_set, info, found.setdefault(node.name.value, {}))
        elif isinstance(node, FragmentSpreadNode):
            _gather(info.fragments[node.name.value].selection_set, info, found)
        elif isinstance(node, InlineFragmentNode):
            _gather(node.selection_set, info, found)


def _included(selection_set: SelectionSetNode | None, info: ResolveInfo) -> Iterable[SelectionNode]:
    for node in selection_set.selections if selection_set else ():
        if not node.directives or _is_included(node, info):
            yield node


def _is_included(node: SelectionNode, info: ResolveInfo) -> bool:
    for directive in node.directives or ():
        if directive.name.value in _KEEPS and _condition(directive, info) is not _KEEPS[directive.name.value]:
            return False
    return True


def _condition(directive: DirectiveNode, info: ResolveInfo) -> bool:
    """The value of `if`, which validation has seen to be there."""
    value = next(iter(directive.arguments or ())).value
    if isinstance(value, VariableNode):
        return bool(get_variable_values(info)[value.name.value])
    return isinstance(value, BooleanValueNode) and value.value
