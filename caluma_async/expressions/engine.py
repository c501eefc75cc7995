"""The door to the engine: parse, check, evaluate. A domain has one engine, with the transforms that it adds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Thread
from types import MappingProxyType
from typing import Any, Final

from caluma_async.errors import InvalidExpression, Misconfigured
from caluma_async.expressions import tree
from caluma_async.expressions.analysis import Call, Expression, calls_of
from caluma_async.expressions.evaluation import Scope, compiled
from caluma_async.expressions.grammar import TOO_DEEP, parse_tree, symbols
from caluma_async.expressions.keeping import Kept
from caluma_async.expressions.limits import MAX_STEPS, Allowance, Budget, ExpressionError, afford, allowance
from caluma_async.expressions.operators import BASE_OPERATORS, Binary, Operator
from caluma_async.expressions.transforms import BASE_TRANSFORMS

KEPT: Final = 250_000
"""Characters of the texts whose expressions a language remembers."""
PER_CHARACTER: Final = 4
PER_NODE: Final = 10
"""The steps that it takes to parse a text: per character of it, and per step of what it comes to."""

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Language:
    """What a set of operators makes of a text; remembers what it parsed, up to a bound."""

    def __init__(self, operators: Mapping[str, Binary]) -> None:
        self._operators = operators
        self._symbol = symbols(operators)
        self._kept = Kept(self._parse, KEPT)

    def parse(self, text: str) -> Expression:
        """The expression that `text` is; `InvalidExpression` with the place if it is none."""
        if not isinstance(text, str):
            raise InvalidExpression("An expression is a text.")
        return self._kept(text)

    def _parse(self, text: str) -> Expression:
        given = allowance()
        afford()
        steps = PER_CHARACTER * len(text)
        try:
            expression = self._built(text)
            steps += PER_NODE * expression.size
            return expression
        except ExpressionError as fault:
            raise fault.of(text) from fault.__cause__
        except RecursionError as error:
            raise ExpressionError(TOO_DEEP).of(text) from error
        finally:
            if given is not None:
                given.left -= steps  # what is parsed now need not be parsed again when the request is tried again

    def _built(self, text: str) -> Expression:
        try:
            return self._build(text)
        except RecursionError:  # how deep a text may go must not depend on who asks
            return _on_a_fresh_stack(lambda: self._build(text))

    def _build(self, text: str) -> Expression:
        node = parse_tree(text, self._symbol, self._operators)
        return Expression(text=text, size=tree.size(node), calls=calls_of(node), run=compiled(node))


def _on_a_fresh_stack(build: Callable[[], Expression]) -> Expression:
    """What ``build`` returns or raises, in a thread of its own."""
    future: Future[Expression] = Future()

    def run() -> None:
        try:
            future.set_result(build())
        except Exception as error:  # noqa: BLE001 - raised again where the result is read
            future.set_exception(error)

    Thread(target=run, name="caluma-async-parse", daemon=True).start()
    return future.result()


BASE_LANGUAGE: Final = Language(BASE_OPERATORS)


class Jexl:
    """An engine: the base transforms and operators, and those that a domain adds. Shared by all threads.

    ``transforms``: functions by name that get the value and the arguments. One that raises a TypeError, ValueError,
    LookupError, ArithmeticError or AttributeError does not fit its values: the expression is refused; it may also raise
    `InvalidExpression` with its own reason, which then gets its place. All other errors pass. ``binary_operators``: by
    symbol. `Misconfigured` for a name or symbol that no expression could hold.
    """

    def __init__(
        self,
        *,
        transforms: Mapping[str, Callable[..., Any]] = NOTHING,
        binary_operators: Mapping[str, Operator] = NOTHING,
    ) -> None:
        for name in transforms:
            if not (name.isascii() and name.isidentifier()):
                raise Misconfigured(f'A transform cannot be named "{name}".')
        self._transforms: Mapping[str, Callable[..., Any]] = {**BASE_TRANSFORMS, **transforms}
        self._signatures = {name: _signature(name, transform) for name, transform in self._transforms.items()}
        self._language = _language(binary_operators)

    def parse(self, text: str) -> Expression:
        """The expression that `text` is, parsed once; `InvalidExpression` with the place if it is none."""
        return self._language.parse(text)

    def validate(self, text: str) -> Expression:
        """Parse and check: each transform must exist and take so many arguments, else `InvalidExpression`."""
        expression = self.parse(text)
        for call in expression.calls:
            self._check(call, text)
        return expression

    def analyze(self, text: str, visit: Callable[[Call], None]) -> Expression:
        """Validate, then hand each use of a transform to ``visit``, in the order of the text.

        ``visit`` may raise `InvalidExpression` with its reason; it gets the text, and the place of that use unless it
        names one, such as a text's.
        """
        expression = self.validate(text)
        for call in expression.calls:
            try:
                visit(call)
            except InvalidExpression as error:
                position = call.position if error.position is None else error.position
                raise ExpressionError(error.message.rstrip("."), position).of(text) from error
        return expression

    def evaluate(
        self,
        text: str | Expression,
        context: Mapping[str, Any] = NOTHING,
        *,
        transforms: Mapping[str, Callable[..., Any]] = NOTHING,
        budget: Budget | None = None,
    ) -> Any:
        """The value of the expression: a dict, list, str, number, bool or None, or a mapping out of the context.

        ``context``: names to plain data; a mapping may be lazy, and is asked by ``get`` for what is read only.
        ``transforms``: what transforms of this engine do in this one evaluation, as those that look into a document.
        ``budget``: what it may cost, and what is left of it afterwards; `None`: `MAX_STEPS`, out of what the request is
        `allowed` if it is part of any.
        `InvalidExpression` names the expression, the reason and the place.
        """
        expression = text if isinstance(text, Expression) else self._language.parse(text)
        given = allowance() if budget is None else None
        scope = self.scope(context, transforms=transforms, budget=budget)
        return expression.within(scope) if given is None else _metered(expression, scope, given)

    def scope(
        self,
        context: Mapping[str, Any] = NOTHING,
        *,
        transforms: Mapping[str, Callable[..., Any]] = NOTHING,
        budget: Budget | None = None,
    ) -> Scope:
        """What expressions may be evaluated within, one after the other; as for `evaluate`."""
        return Scope(context, None, self._with(transforms), Budget() if budget is None else budget)

    def _with(self, transforms: Mapping[str, Callable[..., Any]]) -> Mapping[str, Callable[..., Any]]:
        if not transforms:
            return self._transforms
        if not transforms.keys() <= self._transforms.keys():
            raise Misconfigured(f"This engine does not know {sorted(transforms.keys() - self._transforms.keys())}.")
        return {**self._transforms, **transforms}

    def _check(self, call: Call, text: str) -> None:
        if call.name not in self._transforms:
            raise ExpressionError(f'there is no transform "{call.name}"', call.position).of(text)
        try:
            self._signatures[call.name].bind(None, *call.arguments)
        except TypeError as error:
            reason = f'the transform "{call.name}" does not take {len(call.arguments)} arguments'
            raise ExpressionError(reason, call.position).of(text) from error


def _metered(expression: Expression, scope: Scope, given: Allowance) -> Any:
    budget, granted = scope.budget, min(MAX_STEPS, max(0, given.left))
    budget.left = granted
    try:
        return expression.within(scope)
    except InvalidExpression as error:
        if budget.left < 0 and granted < MAX_STEPS:
            raise given.spent() from error
        raise
    finally:
        given.left -= granted - max(0, budget.left)


def _signature(name: str, transform: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(transform)
    except (TypeError, ValueError) as error:
        raise Misconfigured(f'The transform "{name}" does not tell which arguments it takes.') from error


def _language(added: Mapping[str, Operator]) -> Language:
    if not added:
        return BASE_LANGUAGE
    for symbol in added:
        if not symbol or any(character.isspace() or character in "()[]{}'\".,:" for character in symbol):
            raise Misconfigured(f'An operator cannot be written "{symbol}".')
    return Language({**BASE_OPERATORS, **{symbol: _binary(symbol, each) for symbol, each in added.items()}})


def _binary(symbol: str, added: Operator) -> Binary:
    def apply(left: Any, right: Any, budget: Budget) -> Any:
        budget.shallow(left)
        budget.shallow(right)
        return added.apply(left, right)

    return Binary(symbol, added.precedence, apply)


def parse(text: str) -> Expression:
    """The expression that `text` is, in the language of the base operators; `InvalidExpression` with the place if none.

    Parsed once per text, bounded; at most `MAX_CHARACTERS` characters and `MAX_DEPTH` brackets within each other.
    """
    return BASE_LANGUAGE.parse(text)
