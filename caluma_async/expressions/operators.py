"""What the binary operators of JEXL mean: their precedence is pyjexl's, null is lenient as in the browser."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyjexl.operators import default_binary_operators as jexl_operators

from caluma_async.expressions.limits import CHARACTERS_PER_STEP, CONTAINERS, MAX_NUMBER, Budget, ExpressionError, kind

Bounded = Callable[[Any, Any, Budget], Any]

COMPARING: Final = 20
NUMBERS: Final = (int, float)
ATOMS: Final = frozenset({int, float, bool, type(None)})
"""What is compared at once, whatever it is compared with."""
NUMBER_BITS: Final = 1100
POWER: Final = 2
"""The steps that a power takes besides those of its operands."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A binary operator that a domain adds.

    ``precedence`` as in JEXL: 10 for `&&`, 20 for `==`, 30 for `+`, 40 for `*`, 50 for `^`. ``apply`` gets both values.
    """

    precedence: int
    apply: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator as the engine has it; where ``keeps`` is true of the left value, that is the answer."""

    symbol: str
    precedence: int
    apply: Bounded
    keeps: Callable[[Any], bool] | None = None


def refused(symbol: str, left: Any, right: Any) -> ExpressionError:
    """The error that the operator does not fit such values."""
    return ExpressionError(f'"{symbol}" does not work with {kind(left)} and {kind(right)}')


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _or_zero(value: Any) -> Any:
    return 0 if value is None else value


def _calculating(
    symbol: str, calculate: Callable[[Any, Any], Any], *, divides: bool = False, price: int = 0
) -> Bounded:
    """Arithmetic on numbers. Null counts as 0, but a division by null is null, and so is null with a text or list."""

    def apply(left: Any, right: Any, budget: Budget) -> Any:
        if left is None or right is None:
            if divides and right is None:
                return None
            left, right = _or_zero(left), _or_zero(right)
            if not _is_number(left) or not _is_number(right):
                return None
        if not isinstance(left, NUMBERS) or not isinstance(right, NUMBERS):
            raise refused(symbol, left, right)
        if price:
            budget.spend(price)
        try:
            number = calculate(left, right)
        except ZeroDivisionError as error:
            raise ExpressionError("division by zero") from error
        except OverflowError as error:
            raise ExpressionError("a number is too large") from error
        if -MAX_NUMBER <= number <= MAX_NUMBER:
            return number
        raise ExpressionError("a number is too large")

    return apply


def _to_the_power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int):
        if exponent < 0:
            return float(base) ** exponent
        if abs(base) > 1 and exponent * (base.bit_length() - 1) > NUMBER_BITS:
            raise OverflowError
    power = base**exponent
    if isinstance(power, complex):
        raise ExpressionError("this power is no real number")
    return power


_sum = _calculating("+", operator.add)
_product = _calculating("*", operator.mul)


def add(left: Any, right: Any, budget: Budget) -> Any:
    """Numbers are added, texts and lists joined; null adds nothing."""
    if isinstance(left, NUMBERS):
        return _sum(left, right, budget)
    if left is None or right is None:
        joined = right if left is None else left
        return joined if isinstance(joined, (str, list, tuple)) else _sum(left, right, budget)
    if isinstance(left, str) and isinstance(right, str):
        budget.characters(len(left) + len(right))
        return left + right
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        budget.items(len(left) + len(right))
        return [*left, *right]
    return _sum(left, right, budget)


def multiply(left: Any, right: Any, budget: Budget) -> Any:
    """Numbers are multiplied; a text or list is repeated by a whole number."""
    if isinstance(right, (str, list, tuple)):
        left, right = right, left
    if isinstance(left, (str, list, tuple)) and isinstance(right, int) and not isinstance(right, bool):
        count = max(0, right) * len(left)
        if isinstance(left, str):
            budget.characters(count)
            return left * right if left else ""
        budget.items(count)
        return list(left) * right if left else []
    return _product(left, right, budget)


def equal(left: Any, right: Any, budget: Budget) -> bool:
    """Equal in kind and value; null equals null alone."""
    if type(left) not in ATOMS and (type(left) is not str or len(left) > CHARACTERS_PER_STEP):
        budget.comparison(left, right)
    return bool(left == right)


def _differ(left: Any, right: Any, budget: Budget) -> bool:
    return not equal(left, right, budget)


def _ordering(symbol: str, compare: Callable[[Any, Any], bool]) -> Bounded:
    """An order of numbers, of texts and of lists. Null counts as 0 beside a number; beside all else it is false."""

    def apply(left: Any, right: Any, budget: Budget) -> bool:
        if left is None or right is None:
            left, right = _or_zero(left), _or_zero(right)
            return _is_number(left) and _is_number(right) and compare(left, right)
        if type(left) not in ATOMS:
            budget.comparison(left, right)
        try:
            return compare(left, right)
        except TypeError as error:
            raise refused(symbol, left, right) from error

    return apply


def contains(item: Any, container: Any, budget: Budget) -> bool:
    """Whether a list has the item, a text the part, an object the key; nothing is in anything else."""
    if isinstance(container, str):
        budget.shallow(container)
        return isinstance(item, str) and item in container
    if isinstance(container, (list, tuple)):
        budget.shallow(container)
        if isinstance(item, CONTAINERS):
            budget.weigh(container)
        return item in container
    return isinstance(container, Mapping) and isinstance(item, str) and item in container


def intersects(left: Any, right: Any, budget: Budget) -> bool:
    """Whether two lists share an item. A text or number is a list of itself, null an empty one."""
    ours, theirs = _as_list(left), _as_list(right)
    budget.shallow(ours)
    budget.shallow(theirs)
    try:
        return not set(ours).isdisjoint(theirs)
    except TypeError:  # objects or lists among the items: they have no hash
        return any(contains(item, theirs, budget) for item in ours)


def _as_list(value: Any) -> list[Any] | tuple[Any, ...]:
    if value is None:
        return []
    return value if isinstance(value, (list, tuple)) else [value]


def _right(left: Any, right: Any, budget: Budget) -> Any:
    return right


def _jexl(symbol: str, apply: Bounded, keeps: Callable[[Any], bool] | None = None) -> Binary:
    return Binary(symbol, jexl_operators[symbol].precedence, apply, keeps)


BASE_OPERATORS: Final[Mapping[str, Binary]] = {
    binary.symbol: binary
    for binary in (
        _jexl("+", add),
        _jexl("-", _calculating("-", operator.sub)),
        _jexl("*", multiply),
        _jexl("/", _calculating("/", operator.truediv, divides=True)),
        _jexl("//", _calculating("//", operator.floordiv, divides=True)),
        _jexl("%", _calculating("%", operator.mod, divides=True)),
        _jexl("^", _calculating("^", _to_the_power, price=POWER)),
        _jexl("==", equal),
        _jexl("!=", _differ),
        _jexl("<", _ordering("<", operator.lt)),
        _jexl("<=", _ordering("<=", operator.le)),
        _jexl(">", _ordering(">", operator.gt)),
        _jexl(">=", _ordering(">=", operator.ge)),
        _jexl("in", contains),
        _jexl("&&", _right, operator.not_),
        _jexl("||", _right, bool),
        Binary("??", jexl_operators["||"].precedence, _right, lambda left: left is not None),
        Binary("intersects", COMPARING, intersects),
    )
}
