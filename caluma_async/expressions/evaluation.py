"""A tree as nested functions, made once and run often. Looks into mappings and lists, never into Python objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from caluma_async.errors import InvalidExpression
from caluma_async.expressions import tree
from caluma_async.expressions.limits import REACHED, Budget, ExpressionError, kind
from caluma_async.expressions.operators import Bounded
from caluma_async.expressions.transforms import PRICES

UNFIT: Final = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)
"""What a transform or operator raises that does not fit its values; any other error is no fault of the expression."""


class Scope:
    """What one evaluation reads: the context, the item that a filter looks at, the transforms, and its budget."""

    __slots__ = ("budget", "names", "relative", "transforms")

    def __init__(
        self, names: Mapping[str, Any], relative: Any, transforms: Mapping[str, Callable[..., Any]], budget: Budget
    ) -> None:
        self.names = names
        self.relative = relative
        self.transforms = transforms
        self.budget = budget


Run = Callable[[Scope], Any]
Step = Callable[[Any, Scope], Any]


def compiled(node: tree.Node) -> Run:
    """The function that evaluates `node`; raises `ExpressionError`, or what a transform raises on its own account."""
    match node:
        case tree.Literal(value=value):
            return lambda _scope: value
        case tree.Name():
            return _name(node)
        case tree.ListOf(items=items):
            runs = tuple(map(compiled, items))
            return lambda scope: [run(scope) for run in runs]
        case tree.ObjectOf(entries=entries):
            pairs = tuple((key, compiled(value)) for key, value in entries)
            return lambda scope: {key: run(scope) for key, run in pairs}
        case tree.Not():
            operand = compiled(node.operand)
            return (lambda scope: bool(operand(scope))) if node.twice else (lambda scope: not operand(scope))
        case tree.Chain():
            return _chain(node)
        case tree.Choice():
            return _choice(node)
        case tree.Path():
            return _path(node)


def _name(node: tree.Name) -> Run:
    name = node.name
    if not node.relative:
        return lambda scope: scope.names.get(name)
    return lambda scope: scope.relative.get(name) if isinstance(scope.relative, Mapping) else None


def _chain(node: tree.Chain) -> Run:
    first = compiled(node.first)
    links = tuple((link.binary.keeps, _combined(link), compiled(link.operand)) for link in node.links)
    if len(links) == 1:
        return _pair(first, *links[0])

    def run(scope: Scope) -> Any:
        value = first(scope)
        for keeps, combined, operand in links:
            if keeps is None:
                value = combined(value, operand(scope), scope.budget)
            elif not keeps(value):
                value = operand(scope)
        return value

    return run


def _pair(first: Run, keeps: Callable[[Any], bool] | None, combined: Bounded, operand: Run) -> Run:
    if keeps is None:
        return lambda scope: combined(first(scope), operand(scope), scope.budget)

    def run(scope: Scope) -> Any:
        value = first(scope)
        return value if keeps(value) else operand(scope)

    return run


def _combined(link: tree.Link) -> Bounded:
    """The operator of a link, with errors that tell its place."""
    apply, symbol, position = link.binary.apply, link.binary.symbol, link.position

    def combined(left: Any, right: Any, budget: Budget) -> Any:
        try:
            return apply(left, right, budget)
        except ExpressionError as fault:
            raise _placed(fault, position) from fault.__cause__
        except UNFIT as error:
            raise ExpressionError(f'"{symbol}" does not work with {kind(left)} and {kind(right)}', position) from error

    return combined


def _choice(node: tree.Choice) -> Run:
    cases = tuple((compiled(case.test), case.consequent and compiled(case.consequent)) for case in node.cases)
    otherwise = compiled(node.otherwise)

    def run(scope: Scope) -> Any:
        for test, consequent in cases:
            value = test(scope)
            if value:
                return consequent(scope) if consequent else value
        return otherwise(scope)

    return run


def _path(node: tree.Path) -> Run:
    start = compiled(node.value)
    steps = tuple(map(_step, node.steps))
    if len(steps) == 1:
        (step,) = steps
        if isinstance(node.value, tree.Literal):
            value = node.value.value
            return lambda scope: step(value, scope)
        return lambda scope: step(start(scope), scope)

    def run(scope: Scope) -> Any:
        value = start(scope)
        for step in steps:
            value = step(value, scope)
        return value

    return run


def _step(step: tree.Attribute | tree.Filter | tree.Transform) -> Step:
    match step:
        case tree.Attribute(name=name):
            return lambda value, _scope: value.get(name) if isinstance(value, Mapping) else None
        case tree.Filter():
            return _selection(step) if step.relative else _subscript(step)
        case tree.Transform():
            return _transform(step)


def _selection(step: tree.Filter) -> Step:
    test, cost, position = compiled(step.expression), tree.size(step.expression), step.position

    def run(value: Any, scope: Scope) -> Any:
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            raise ExpressionError(f"only a list has items to filter, not {kind(value)}", position)
        try:
            scope.budget.spend((len(value) + 1) * cost)
        except ExpressionError as fault:
            raise _placed(fault, position) from None
        inner = Scope(scope.names, None, scope.transforms, scope.budget)
        chosen = []
        for item in value:
            inner.relative = item
            if test(inner):
                chosen.append(item)
        return chosen

    return run


def _subscript(step: tree.Filter) -> Step:
    expression = compiled(step.expression)
    return lambda value, scope: _item(value, expression(scope))


def _item(value: Any, key: Any) -> Any:
    """``true`` gives the value itself, ``false`` null, a text what an object holds, a whole number an item."""
    if isinstance(key, bool):
        return value if key else None
    if isinstance(key, str):
        return value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, (str, list, tuple)) and isinstance(key, (int, float)):
        return value[int(key)] if key == key // 1 and -len(value) <= key < len(value) else None
    return None


def _transform(step: tree.Transform) -> Step:
    name, position, price = step.name, step.position, PRICES.get(step.name, 1)
    arguments = tuple(map(compiled, step.arguments))

    def run(value: Any, scope: Scope) -> Any:
        given = [argument(scope) for argument in arguments] if arguments else ()
        transform = scope.transforms.get(name)
        if transform is None:
            raise ExpressionError(f'there is no transform "{name}"', position)
        budget, at_work = scope.budget, False
        try:
            budget.shallow(value, price)
            at_work = True
            result = transform(value, *given)
            at_work = False
            budget.shallow(result, price)
        except ExpressionError as fault:
            if at_work:
                budget.left -= REACHED
            raise _placed(fault, position) from fault.__cause__
        except InvalidExpression as error:
            if error.position is not None:  # that of another expression, which the transform evaluated
                raise
            raise ExpressionError(error.message.rstrip("."), position) from error
        except UNFIT as error:
            raise ExpressionError(f'the transform "{name}" does not work with {kind(value)} here', position) from error
        return result

    return run


def _placed(fault: ExpressionError, position: int) -> ExpressionError:
    return fault if fault.position is not None else ExpressionError(fault.reason, position)
