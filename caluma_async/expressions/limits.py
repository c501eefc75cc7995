"""What an evaluation may cost, and how it ends when it asks for more. An expression is data from a client."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from caluma_async.errors import InvalidExpression, TooCostly

MAX_NUMBER: Final = sys.float_info.max
MAX_TEXT: Final = 100_000
MAX_ITEMS: Final = 100_000
MAX_STEPS: Final = 500_000
"""What one evaluation may cost. A step takes a microsecond at most."""
MOST_STEPS: Final = 1_000_000
"""What all evaluations of one document, and all of one request, may cost together."""
CHARACTERS_PER_STEP: Final = 32
REACHED: Final = 12_500
"""The steps of a transform that reached one of these limits, whatever it was given."""
EXCERPT: Final = 100
CONTAINERS: Final = (list, tuple, Mapping)
WEIGHTLESS: Final = frozenset({int, float, bool, type(None)})

TOO_MANY: Final = "this takes too many steps"


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
            raise ExpressionError(TOO_MANY)

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
        kind = type(value)
        if kind in WEIGHTLESS or (kind is str and len(value) < CHARACTERS_PER_STEP):
            self.left -= price
        else:
            self.left -= price * (1 + _weight(value))
        if self.left < 0:
            raise ExpressionError(TOO_MANY)

    def comparison(self, left: Any, right: Any) -> None:
        """Pay for finding out whether these are equal, or which comes first."""
        if isinstance(left, str):
            if isinstance(right, str):
                self.spend(min(len(left), len(right)) // CHARACTERS_PER_STEP)
        elif isinstance(left, CONTAINERS) and isinstance(right, CONTAINERS):
            self.weigh(left)
            self.weigh(right)

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


class Allowance:
    """The steps that all expressions of a request may take together. Its threads share it."""

    __slots__ = ("left", "most")

    def __init__(self, most: int) -> None:
        self.left = self.most = most

    def spend(self, steps: int) -> None:
        """Take `steps`; `TooCostly` when there are no more."""
        self.left -= steps
        if self.left < 0:
            raise self.spent()

    def spent(self) -> TooCostly:
        """The error that there is nothing left."""
        return TooCostly("The expressions of this request take too many steps together. Ask for less at a time.")


_allowance: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


def allowance() -> Allowance | None:
    """What the request may still spend that this is part of, if it is part of any."""
    found = _allowance.get()
    return None if found is None or found.left > found.most else found


def afford(steps: int = 0) -> None:
    """Pass if the request that this is part of may spend anything yet; for use before costly preparations.

    `steps` are what these cost. Raises `TooCostly`.
    """
    given = allowance()
    if given is None:
        return
    if given.left <= 0:
        raise given.spent()
    given.spend(steps)


@contextmanager
def allowed(steps: int) -> Iterator[Allowance]:
    """Let all expressions that are parsed and evaluated within take no more than so many steps together."""
    given = Allowance(steps)
    token = _allowance.set(given)
    try:
        yield given
    finally:
        _allowance.reset(token)
        given.left = sys.maxsize  # tasks that go on longer are no part of it


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // CHARACTERS_PER_STEP
    if isinstance(value, (list, tuple)):
        return len(value) + sum(len(item) for item in value if isinstance(item, (list, tuple)))
    return 0


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
