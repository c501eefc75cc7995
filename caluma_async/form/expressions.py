"""Expressions of forms as input: whether they are any, and what they name. Runs no statement."""

from __future__ import annotations

from typing import Any, Final

from caluma_async.errors import InvalidExpression
from caluma_async.expressions.limits import ExpressionError
from caluma_async.form.structure.formulas import ANSWER, JEXL
from caluma_async.verbs import inputs

NEVER: Final = "false"


def condition(name: str, value: Any) -> str:
    """An expression that is true or false; `None` and a text without anything in it are `false`."""
    return calculation(name, value) or NEVER


def calculation(name: str, value: Any) -> str | None:
    """An expression; `None` and a text without anything in it are none."""
    if value is None or not inputs.text(name, value).strip():
        return None
    JEXL.validate(value)
    return str(value)


def unknown_question(expression: str, slug: str) -> InvalidExpression:
    """The error for an expression that names a question which does not exist, with the place."""
    places = JEXL.validate(expression).texts(ANSWER)
    position = next((text.position for text in places if text.value == slug), None)
    return ExpressionError(f"there is no question {slug!r}", position).of(expression)
