"""What an evaluation may cost, and how it ends when it asks for more. An expression is data from a client."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from caluma_async.errors import InvalidExpression

MAX_NUMBER: Final = sys.float_info.max
MAX_TEXT: Final = 100_000
MAX_ITEMS: Final = 100_000
MAX_STEPS: Final = 500_000
CHARACTERS_PER_STEP: Final = 32
REACHED: Final = 12_500
"""The steps of a transform that reached one of these limits, whatever it was given."""
EXCERPT: Final = 100


class ExpressionError(Exception):
    """Why an expression cannot be parsed or evaluated, and where in it; becomes an `InvalidExpression` at the door."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position

    def of(self, text: str) -> InvalidExpression:
        """The error to show for `text`."""
        place = "in" if self.position is None else f"at character {self.position + 1} of"
        message = f'{self.reason}, {place} the expression "{_excerpt(text, self.position or 0)}".'
        return InvalidExpression(message[0].upper() + message[1:], position=self.position)


class Budget:
    """The steps left to one evaluation: whatever is made, walked through or compared takes some, by its size."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_STEPS) -> None:
        self.left = left

    def spend(self, steps: int) -> None:
        """Take `steps`; an `ExpressionError` when there are no more."""
        self.left -= steps
        if self.left < 0:
            raise ExpressionError("this takes too many steps")

    def characters(self, count: int) -> None:
        """Pay for a text of `count` characters that is to be made."""
        if count > MAX_TEXT:
            raise ExpressionError(f"a text is longer than {MAX_TEXT} characters")
        self.spend(count // CHARACTERS_PER_STEP + 1)

    def items(self, count: int) -> None:
        """Pay for a list of `count` items that is to be made."""
        if count > MAX_ITEMS:
            raise ExpressionError(f"a list is longer than {MAX_ITEMS} items")
        self.spend(count + 1)

    def shallow(self, value: Any, price: int = 1) -> None:
        """Pay for walking over `value` and the lists in it once, whatever their items hold."""
        self.spend(price * (1 + _weight(value)))

    def weigh(self, value: Any) -> None:
        """Pay for walking through all of `value`. A lazy mapping counts as one: nothing of it is computed."""
        waiting = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str):
                self.spend(1 + _weight(item))
            elif isinstance(item, (list, tuple)):
                self.spend(len(item) + 1)
                waiting.extend(item)
            elif isinstance(item, dict):
                self.spend(len(item) + 1)
                waiting.extend(item.values())


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // CHARACTERS_PER_STEP
    if isinstance(value, (list, tuple)):
        return len(value) + sum(len(item) for item in value if isinstance(item, (list, tuple)))
    return 0


def bounded(number: float) -> float:
    """The number itself; an `ExpressionError` if it is too large for a float, or not a number at all."""
    if -MAX_NUMBER <= number <= MAX_NUMBER:
        return number
    raise ExpressionError("a number is too large")


def kind(value: Any) -> str:
    """What an author of expressions calls such a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "an object" if isinstance(value, Mapping) else "an unknown value"


def _excerpt(text: str, position: int) -> str:
    """The text, or what is around `position` of a long one."""
    if len(text) <= EXCERPT:
        return text
    start = max(0, min(position - EXCERPT // 2, len(text) - EXCERPT))
    end = start + EXCERPT
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
