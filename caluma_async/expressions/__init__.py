"""The JEXL engine: what an expression is, means, and may cost. Knows no task, no question, no document."""

from __future__ import annotations

from caluma_async.expressions.analysis import Call, Expression, Text
from caluma_async.expressions.engine import Jexl, parse
from caluma_async.expressions.evaluation import Scope
from caluma_async.expressions.grammar import MAX_CHARACTERS, MAX_DEPTH
from caluma_async.expressions.lazy import Lazy
from caluma_async.expressions.limits import (
    MAX_ITEMS,
    MAX_STEPS,
    MAX_TEXT,
    MOST_STEPS,
    Allowance,
    Budget,
    afford,
    allowance,
    allowed,
)
from caluma_async.expressions.operators import Operator
from caluma_async.expressions.transforms import BASE_TRANSFORMS

__all__ = [
    "BASE_TRANSFORMS",
    "MAX_CHARACTERS",
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MAX_STEPS",
    "MAX_TEXT",
    "MOST_STEPS",
    "Allowance",
    "Budget",
    "Call",
    "Expression",
    "Jexl",
    "Lazy",
    "Operator",
    "Scope",
    "Text",
    "afford",
    "allowance",
    "allowed",
    "parse",
]
