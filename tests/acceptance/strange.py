"""Values for the arguments of the schema: strange ones of every kind, and among them some that name what is there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import schemathesis
from graphql import ArgumentNode, ObjectFieldNode, ValueNode, Visitor, parse, print_ast, visit
from hypothesis import strategies as st
from schemathesis.graphql import nodes

Names = Mapping[str, Sequence[str]]
"""Ids and slugs of objects that are there, by kind: `case`, `workItem`, `workflow`, `flow`, `task`, `form`."""

TEXTS: Final = st.one_of(
    st.sampled_from(["", " ", "a", "A b", "%", "_", "\\", "'", '"', "é", "😀", "\u202e"]), st.text()
)
WHOLE: Final = st.one_of(st.integers(0, 5), st.integers(-(2**31), 2**31 - 1))

_LITTLE = st.one_of(st.none(), st.booleans(), WHOLE, st.floats(allow_nan=False, allow_infinity=False), TEXTS)
VALUES: Final = st.recursive(
    _LITTLE, lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3), max_leaves=8
)
"""Whatever JSON can say."""

_PARTS: Final = (
    *("'review'|task", "['review', 'decide']|tasks", "'staff'|groups", "'x'|nothing", "info.case", "info", "case.meta"),
    *("'a'", '"', "1", "1.5", "9" * 40, "1e400", "[", "]", "(", ")", "{", "}", "?", ":", "|", ".", ",", " "),
    *("+", "-", "*", "/", "//", "%", "^", "==", "!=", "<", "in", "intersects", "&&", "||", "!", "\\", "é"),
)
EXPRESSIONS: Final = st.one_of(st.sampled_from(_PARTS[:3]), st.lists(st.sampled_from(_PARTS), max_size=8).map("".join))
"""JEXL, and what only looks like it."""

INSTANTS: Final = st.one_of(
    st.datetimes().map(lambda value: value.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda value: value.isoformat()),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2030-01-01", "12:00", "now"]),
)
CURSORS: Final = st.sampled_from(
    ["YXJyYXljb25uZWN0aW9uOjA=", "YXJyYXljb25uZWN0aW9uOi0x", "YXJyYXljb25uZWN0aW9uOg==", "a"]
)
OBJECTS: Final = st.dictionaries(TEXTS, VALUES, max_size=3).map(json.dumps)


def _literal(value: Any) -> ValueNode:
    """The value as GraphQL writes it; an object as text, for its keys need not be names."""
    if isinstance(value, bool):
        return nodes.Boolean(value)
    if isinstance(value, list):
        return nodes.List([_literal(each) for each in value])
    if value is None:
        return nodes.Null
    kinds = {int: nodes.Int, float: nodes.Float, str: nodes.String}
    return kinds[type(value)](value) if type(value) in kinds else nodes.String(json.dumps(value))


_SCALARS: Final[Mapping[str, st.SearchStrategy[ValueNode]]] = {
    "Int": WHOLE.map(nodes.Int),
    "DateTime": INSTANTS.map(nodes.String),
    "JSONString": st.one_of(OBJECTS, VALUES.map(json.dumps), TEXTS).map(nodes.String),
    "GenericScalar": VALUES.map(_literal),
    "FlowJexl": EXPRESSIONS.map(nodes.String),
    "GroupJexl": EXPRESSIONS.map(nodes.String),
    "QuestionJexl": EXPRESSIONS.map(nodes.String),
    "Date": st.dates().map(str).map(nodes.String),
}
_PLURALS: Final = {
    "tasks": "task",
    "startTasks": "task",
    "workItems": "workItem",
    "allowForms": "form",
    "slugs": "task",
}
_KINDS: Final = {"multipleInstanceTask": "task", "parentWorkItem": "workItem", "caseFamily": "case", "rootCase": "case"}


def register(names: Names) -> None:
    """Let schemathesis draw these for the scalars of the schema."""
    known = st.sampled_from([name for some in names.values() for name in some])
    for name, strategy in {**_SCALARS, "ID": st.one_of(known, TEXTS).map(nodes.String)}.items():
        schemathesis.graphql.scalar(name, strategy)


def sensible(document: str, own_kind: str, names: Names, data: st.DataObject) -> str:
    """The document, in which most references name an object that is there and fits; `own_kind` is what `id` means.

    Left to chance, hardly a mutation would get as far as its verb.
    """
    return print_ast(visit(parse(document), _Mending(own_kind, names, data)))


class _Mending(Visitor):
    def __init__(self, own_kind: str, names: Names, data: st.DataObject) -> None:
        super().__init__()
        self._own_kind, self._names, self._data = own_kind, names, data

    def leave_object_field(self, node: ObjectFieldNode, *_: Any) -> ObjectFieldNode | None:
        return self._mended(node)

    def leave_argument(self, node: ArgumentNode, *_: Any) -> ArgumentNode | None:
        return self._mended(node)

    def _mended(self, node: Any) -> Any:
        wanted = self._wanted(node.name.value)
        if wanted is None or self._data.draw(st.integers(0, 7)) == 0:
            return None
        return type(node)(name=node.name, value=self._data.draw(wanted))

    def _wanted(self, name: str) -> st.SearchStrategy[ValueNode] | None:
        if name in _PLURALS:
            some = st.lists(self._reference(_PLURALS[name]), min_size=1, max_size=2)
            return some.map(nodes.List)
        if name in {"before", "after"}:
            return CURSORS.map(nodes.String)
        if name in {"first", "last", "offset"}:
            return st.integers(0, 5).map(nodes.Int)
        if name in {"meta", "context"}:
            return OBJECTS.map(nodes.String)
        kind = self._own_kind if name == "id" else _KINDS.get(name, name)
        return self._reference(kind) if kind in self._names else None

    def _reference(self, kind: str) -> st.SearchStrategy[ValueNode]:
        return st.sampled_from(self._names[kind]).map(nodes.String)
