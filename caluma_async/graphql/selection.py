"""What a request selects below a field: read from the document, so that all of it can be loaded at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
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

_KEEPS: Final = {"include": True, "skip": False}


class Selection(Mapping[str, "Selection"]):
    """The fields below some field, by name (not by alias), each with what is selected below it.

    What fragments select is part of it, what is skipped is not. A level is read when it is looked at: fragments can
    make a short document very large.
    """

    def __init__(self, nodes: Sequence[FieldNode], info: ResolveInfo) -> None:
        self._nodes = nodes
        self._info = info

    def __getitem__(self, name: str) -> Selection:
        return Selection(self._fields[name], self._info)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def below(self, *names: str) -> Selection:
        """What is selected at the end of the path; nothing, where it is not selected."""
        found = self
        for name in names:
            found = found[name] if name in found else Selection((), self._info)
        return found

    @cached_property
    def _fields(self) -> dict[str, list[FieldNode]]:
        found: dict[str, list[FieldNode]] = {}
        fragments: set[str] = set()
        for node in self._nodes:
            self._gather(node.selection_set, found, fragments)
        return found

    def _gather(
        self, selection_set: SelectionSetNode | None, found: dict[str, list[FieldNode]], fragments: set[str]
    ) -> None:
        for node in selection_set.selections if selection_set else ():
            if node.directives and not _is_included(node, self._info):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                self._gather(node.selection_set, found, fragments)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in fragments:
                fragments.add(node.name.value)
                self._gather(self._info.fragments[node.name.value].selection_set, found, fragments)


def selected(info: ResolveInfo) -> Selection:
    """What is selected below the field that is being resolved."""
    return Selection(info.field_nodes, info)


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
