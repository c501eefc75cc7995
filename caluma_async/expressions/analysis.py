"""What can be told of an expression without evaluating it: its transforms, and the texts that they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caluma_async.expressions.evaluation import Scope
from caluma_async.expressions.grammar import TOO_DEEP
from caluma_async.expressions.limits import ExpressionError
from caluma_async.expressions.tree import Chain, Choice, ListOf, Literal, Node, Path, Transform, children, filters

HELD: Final = (list, tuple, dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text that stands in an expression; ``position`` is the offset in characters of its opening quote."""

    value: str
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The use of a transform.

    ``position`` is the offset in characters of its name. ``texts`` are those that may reach it as its value, also out
    of lists and both branches of a condition; ``arguments`` holds such texts per argument. Not ``static``: values may
    reach it that only an evaluation can tell. ``subject`` is the call whose result it works on: in
    `'t'|answer|mapby('c')`, the `answer` is the subject of the `mapby`; in `'t'|answer[.c > 1]|mapby('c')` it is not.
    """

    name: str
    position: int
    texts: tuple[Text, ...]
    arguments: tuple[tuple[Text, ...], ...]
    static: bool
    subject: Call | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Expression:
    """A parsed expression: its text, and every use of a transform in the order of the text. Threads may share it.

    `size`: how many steps it takes whatever it reads.
    """

    text: str
    size: int
    calls: tuple[Call, ...]
    run: Callable[[Scope], Any] = field(repr=False)

    def within(self, scope: Scope) -> Any:
        """Its value; `InvalidExpression` names the expression, the reason and the place."""
        try:
            scope.budget.spend(self.size)
            value = self.run(scope)
            if isinstance(value, HELD):
                scope.budget.weigh(value)
            return value
        except ExpressionError as fault:
            raise fault.of(self.text) from fault.__cause__
        except RecursionError as error:
            raise ExpressionError(TOO_DEEP).of(self.text) from error

    def texts(self, *transforms: str) -> tuple[Text, ...]:
        """The texts given to one of these transforms as values: of `'a'|task || ['b']|tasks`, a and b."""
        return tuple(text for call in self.calls if call.name in transforms for text in call.texts)


def calls_of(node: Node) -> tuple[Call, ...]:
    """Every use of a transform below `node`, in the order of the text."""
    return tuple(sorted(_calls(node), key=lambda call: call.position))


def _calls(node: Node) -> Iterator[Call]:
    for child in (*children(node), *filters(node)):
        yield from _calls(child)
    if not isinstance(node, Path):
        return
    subject: Call | None = None
    for index, step in enumerate(node.steps):
        if isinstance(step, Transform):
            subject = _call(step, *(((), False) if index else _texts(node.value)), subject)
            yield subject
        else:
            subject = None


def _call(step: Transform, texts: Sequence[Text], static: bool, subject: Call | None) -> Call:
    return Call(
        name=step.name,
        position=step.position,
        texts=tuple(texts),
        arguments=tuple(tuple(_texts(argument)[0]) for argument in step.arguments),
        static=static,
        subject=subject,
    )


def _texts(node: Node) -> tuple[Sequence[Text], bool]:
    """The texts that `node` may be or hold, and whether these are all."""
    if isinstance(node, Literal):
        return ([Text(value=node.value, position=node.position)] if isinstance(node.value, str) else []), True
    parts = _alternatives(node)
    if parts is None:
        return [], False
    found = [_texts(part) for part in parts]
    return [text for texts, _ in found for text in texts], all(static for _, static in found)


def _alternatives(node: Node) -> Sequence[Node] | None:
    """The nodes whose values `node` passes on, or none if it makes a value of its own."""
    if isinstance(node, ListOf):
        return node.items
    if isinstance(node, Choice):
        return [case.consequent or case.test for case in node.cases] + [node.otherwise]
    if isinstance(node, Chain):
        operands = [node.first, *(link.operand for link in node.links)]
        chooses = all(link.binary.keeps for link in node.links)
        joins = all(link.binary.symbol == "+" for link in node.links) and any(isinstance(o, ListOf) for o in operands)
        return operands if chooses or joins else None
    return None
