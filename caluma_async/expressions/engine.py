"""The door to the engine: parse, check, evaluate. A domain has one engine, with the transforms that it adds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import lru_cache
from threading import Thread
from types import MappingProxyType
from typing import Any, Final

from caluma_async.errors import InvalidExpression, Misconfigured
from caluma_async.expressions import tree
from caluma_async.expressions.analysis import Call, Expression, calls_of
from caluma_async.expressions.evaluation import Scope, compiled
from caluma_async.expressions.grammar import TOO_DEEP, parse_tree, symbols
from caluma_async.expressions.limits import Budget, ExpressionError
from caluma_async.expressions.operators import BASE_OPERATORS, Binary, Operator
from caluma_async.expressions.transforms import BASE_TRANSFORMS

LONG: Final = 500
CACHED: Final = 1_024
CACHED_LONG: Final = 32

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Language:
    """What a set of operators makes of a text; remembers what it parsed, up to a bound, long texts apart."""

    def __init__(self, operators: Mapping[str, Binary]) -> None:
        self._operators = operators
        self._symbol = symbols(operators)
        self._short = lru_cache(CACHED)(self._parse)
        self._long = lru_cache(CACHED_LONG)(self._parse)

    def parse(self, text: str) -> Expression:
        """The expression that `text` is; `InvalidExpression` with the place if it is none."""
        if not isinstance(text, str):
            raise InvalidExpression("An expression is a text.")
        return self._short(text) if len(text) <= LONG else self._long(text)

    def _parse(self, text: str) -> Expression:
        try:
            return _on_a_fresh_stack(lambda: self._build(text))
        except ExpressionError as fault:
            raise fault.of(text) from fault.__cause__
        except RecursionError as error:
            raise ExpressionError(TOO_DEEP).of(text) from error

    def _build(self, text: str) -> Expression:
        node = parse_tree(text, self._symbol, self._operators)
        return Expression(text=text, size=tree.size(node), calls=calls_of(node), run=compiled(node))


def _on_a_fresh_stack(build: Callable[[], Expression]) -> Expression:
    """What ``build`` returns or raises: it is recursive, and how deep it may go must not depend on who asks."""
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
        ``budget``: what it may cost, and what is left of it afterwards.
        `InvalidExpression` names the expression, the reason and the place.
        """
        expression = text if isinstance(text, Expression) else self._language.parse(text)
        scope = Scope(context, None, self._with(transforms), budget or Budget())
        try:
            scope.budget.spend(expression.size)
            value = expression.run(scope)
            if isinstance(value, (list, tuple, dict)):
                scope.budget.weigh(value)
            return value
        except ExpressionError as fault:
            raise fault.of(expression.text) from fault.__cause__
        except RecursionError as error:
            raise ExpressionError(TOO_DEEP).of(expression.text) from error

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
