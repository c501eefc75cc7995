"""An expression as a tree of frozen values, each with its place in the text. Knows neither grammar nor meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from caluma_async.expressions.operators import Binary


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, true or false."""

    value: Any
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """`name`, looked up in the context, or `.name`, looked up in the item that a filter looks at."""

    name: str
    relative: bool
    position: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`"""

    items: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """`{key: a}`"""

    entries: tuple[tuple[str, Node], ...]
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """`!a`, or `!!a` where `twice`."""

    operand: Node
    twice: bool
    position: int


@dataclass(frozen=True, slots=True)
class Link:
    """`+ a`: an operator and what stands right of it."""

    binary: Binary
    operand: Node
    position: int


@dataclass(frozen=True, slots=True)
class Chain:
    """`a + b - c`: operators of one precedence, applied from left to right."""

    first: Node
    links: tuple[Link, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Case:
    """`test ? consequent :`, or `test ?:` without a consequent: then it is the test's own value."""

    test: Node
    consequent: Node | None


@dataclass(frozen=True, slots=True)
class Choice:
    """`a ? b : c ? d : e`: the first case whose test is true, or else the last value."""

    cases: tuple[Case, ...]
    otherwise: Node
    position: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """`.name` of a value."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Filter:
    """`[expression]` of a value: tried on each item where it is relative, else an index or a key."""

    expression: Node
    relative: bool
    position: int


@dataclass(frozen=True, slots=True)
class Transform:
    """`|name(arguments)` of a value."""

    name: str
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Path:
    """A value, and what is done to it step by step."""

    value: Node
    steps: tuple[Attribute | Filter | Transform, ...]
    position: int


Node = Literal | Name | ListOf | ObjectOf | Not | Chain | Choice | Path


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, but not those inside its filters."""
    if isinstance(node, ListOf):
        yield from node.items
    elif isinstance(node, ObjectOf):
        yield from (value for _, value in node.entries)
    elif isinstance(node, Not):
        yield node.operand
    elif isinstance(node, Chain):
        yield node.first
        yield from (link.operand for link in node.links)
    elif isinstance(node, Choice):
        for case in node.cases:
            yield case.test
            if case.consequent is not None:
                yield case.consequent
        yield node.otherwise
    elif isinstance(node, Path):
        yield node.value
        for step in node.steps:
            if isinstance(step, Transform):
                yield from step.arguments


def filters(node: Node) -> Iterator[Node]:
    """What the filters of `node` hold."""
    if isinstance(node, Path):
        yield from (step.expression for step in node.steps if isinstance(step, Filter))


def is_relative(node: Node) -> bool:
    """Whether `node` asks for the item that a filter around it looks at; an inner filter has its own."""
    if isinstance(node, Name):
        return node.relative
    return any(is_relative(child) for child in children(node))


def size(node: Node) -> int:
    """How many steps one evaluation of `node` takes, filters counted once."""
    steps = len(node.steps) if isinstance(node, Path) else 0
    return 1 + steps + sum(map(size, children(node))) + sum(map(size, filters(node)))
