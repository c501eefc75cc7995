"""The expressions of forms: parsed once, with what they name. What the names stand for is the structure's business."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from caluma_async.errors import InvalidExpression
from caluma_async.expressions import Call, Expression, Jexl
from caluma_async.expressions.keeping import Kept

ANSWER: Final = "answer"


class _Missing:
    """Stands for a default that was not given: null may be one."""


MISSING: Final = _Missing()


def _unresolved(value: Any, default: Any = MISSING) -> Any:
    raise AssertionError("unreachable: each evaluation says what `answer` does")


JEXL: Final = Jexl(transforms={ANSWER: _unresolved})


@dataclass(frozen=True, kw_only=True, eq=False)
class Formula:
    """One expression of a form.

    `names` are the questions that it names by `answer`, each once, as far as they stand in the text; not `static`:
    others are put together when it is evaluated. `columns`: of the named ones those of which only these columns
    (`mapby`) or the number of rows is read. `constant`: its value where it reads nothing at all. `fault`: why it is
    none, if so.
    """

    text: str
    expression: Expression | None
    fault: InvalidExpression | None = None
    names: tuple[str, ...] = ()
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    static: bool = True
    constant: bool | None = None

    @property
    def reads(self) -> bool:
        """Whether it may read answers."""
        return bool(self.names) or not self.static


_CONSTANTS: Final = {"": False, "false": False, "true": True}


def formula(text: str) -> Formula:
    """The formula that the text is. A text that is no expression gives one that fails when it is evaluated."""
    return _formulas(text)


def _made(text: str) -> Formula:
    if text.strip() in _CONSTANTS:
        return Formula(text=text, expression=None, constant=_CONSTANTS[text.strip()])
    try:
        expression = JEXL.validate(text)
    except InvalidExpression as fault:
        return Formula(text=text, expression=None, fault=fault)
    answers = [call for call in expression.calls if call.name == ANSWER]
    return Formula(
        text=text,
        expression=expression,
        names=tuple(dict.fromkeys(name.value for call in answers for name in call.texts)),
        columns=_columns(expression, answers),
        static=all(call.static and call.texts for call in answers),
    )


_formulas: Final = Kept(_made)
NEVER: Final = formula("false")


def _columns(expression: Expression, answers: list[Call]) -> dict[str, tuple[str, ...]]:
    """By name, what is read of it where that is not the whole."""
    users = {id(call.subject): call for call in expression.calls if call.subject is not None}
    read: dict[str, list[str]] = {}
    whole: set[str] = set()
    for call in answers:
        columns = _read_by(users.get(id(call)))
        for name in call.texts:
            if columns is None:
                whole.add(name.value)
            else:
                read.setdefault(name.value, []).extend(columns)
    return {name: tuple(dict.fromkeys(columns)) for name, columns in read.items() if name not in whole}


def _read_by(user: Call | None) -> list[str] | None:
    """The columns that a transform reads of a table, or `None` where it may read all."""
    if user is not None and user.name == "length":
        return []
    if user is None or user.name != "mapby" or not all(user.arguments):
        return None
    return [column.value for column in _texts(user)]


def _texts(call: Call) -> Iterator[Any]:
    for argument in call.arguments:
        yield from argument
