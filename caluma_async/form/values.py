"""Whether a value is an answer to a question of its kind: type and bounds. Choices and formats are not looked at."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from caluma_async.errors import InvalidInput
from caluma_async.form.models import Question
from caluma_async.form.structure.evaluation import EMPTY
from caluma_async.verbs import inputs

Configuration = Mapping[str, Any]
Check = Callable[[Any, Configuration], None]


def is_empty(value: Any) -> bool:
    """Whether the value stands for no answer: null, an empty text or an empty list."""
    return value in EMPTY


def check(kind: str, value: Any, configuration: Configuration) -> None:
    """Raise `InvalidInput` unless the value may answer a question of that type with that configuration.

    A value that stands for no answer may answer any.
    """
    if not is_empty(value):
        _CHECKS.get(kind, _refuse)(value, configuration)


def _text(value: Any, configuration: Configuration) -> None:
    text = inputs.text("value", value)
    least, most = configuration.get("min_length"), configuration.get("max_length")
    if least is not None and len(text) < least:
        raise InvalidInput(f"The text must have {least} characters or more, not {len(text)}.")
    if most is not None and len(text) > most:
        raise InvalidInput(f"The text must have {most} characters or less, not {len(text)}.")


def _integer(value: Any, configuration: Configuration) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"The value must be a whole number, not {inputs.shown(value)}.")
    _bounds(value, configuration)


def _float(value: Any, configuration: Configuration) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise InvalidInput(f"The value must be a number, not {inputs.shown(value)}.")
    _bounds(value, configuration)


def _bounds(value: float, configuration: Configuration) -> None:
    least, most = configuration.get("min_value"), configuration.get("max_value")
    if least is not None and value < least:
        raise InvalidInput(f"The value must be {least} or more, not {value}.")
    if most is not None and value > most:
        raise InvalidInput(f"The value must be {most} or less, not {value}.")


def _date(value: Any, _: Configuration) -> None:
    if isinstance(value, dt.date):
        return
    try:
        dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The value must be a date such as 2024-02-29, not {inputs.shown(value)}.") from error


def _one(value: Any, _: Configuration) -> None:
    inputs.text("value", value)


def _several(value: Any, _: Configuration) -> None:
    if not isinstance(value, (list, tuple)):
        raise InvalidInput("The value must be a list.")
    for each in value:
        inputs.text("value", each)


def _refuse(value: Any, _: Configuration) -> None:
    raise InvalidInput("Such a question cannot be answered.")


_CHECKS: Final[Mapping[str, Check]] = {
    Question.TYPE_TEXT: _text,
    Question.TYPE_TEXTAREA: _text,
    Question.TYPE_INTEGER: _integer,
    Question.TYPE_FLOAT: _float,
    Question.TYPE_CALCULATED_FLOAT: _float,
    Question.TYPE_DATE: _date,
    Question.TYPE_CHOICE: _one,
    Question.TYPE_DYNAMIC_CHOICE: _one,
    Question.TYPE_MULTIPLE_CHOICE: _several,
    Question.TYPE_DYNAMIC_MULTIPLE_CHOICE: _several,
    Question.TYPE_FILES: _several,
}
