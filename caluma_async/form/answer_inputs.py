"""The values of answers as input, kind by kind: cleaners, and where a value is kept. What fits a question is not told.

A value that is left out, or null, empties the answer.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from caluma_async.errors import InvalidInput
from caluma_async.form.models import Answer
from caluma_async.verbs import inputs

COMMON: Final[Mapping[str, inputs.Cleaner]] = {"meta": inputs.json_object}
"""What may be said of every answer, besides its value."""

LARGEST_VALUE: Final = 1_000_000
"""Characters of a value, as JSON."""

LARGEST_INTEGER: Final = 2**31 - 1
MOST_ROWS: Final = 10_000
LONGEST_FILE_NAME: Final = 255


def string(name: str, value: Any) -> str | None:
    """A text with its spaces, or `None`."""
    return None if value is None else short(name, inputs.text(name, value))


def integer(name: str, value: Any) -> int | None:
    """A whole number of 32 bits, or `None`."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{name} must be a whole number.")
    if abs(value) > LARGEST_INTEGER:
        raise InvalidInput(f"{name} must be a whole number from -{LARGEST_INTEGER} to {LARGEST_INTEGER}.")
    return value


def number(name: str, value: Any) -> int | float | None:
    """A number, or `None`."""
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput(f"{name} must be a number.")
    if isinstance(value, int) and abs(value) > 10**300:
        raise InvalidInput(f"{name} is too large a number.")
    if not math.isfinite(value):
        raise InvalidInput(f"{name} must be a number, which {value} is not.")
    return value


def date(name: str, value: Any) -> dt.date | None:
    """A day, or its ISO 8601 text, or `None`."""
    if value is None:
        return None
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} must be a date such as 2030-01-31.") from error


def texts(name: str, value: Any) -> list[str] | None:
    """A list of texts, or `None`."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} must be a list of texts.")
    return list(short(name, [inputs.text(name, part) for part in value]))


def documents(name: str, value: Any) -> list[UUID]:
    """Keys of documents, or the documents themselves, each once; `None` for none."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} must be a list of documents.")
    if len(value) > MOST_ROWS:
        raise InvalidInput(f"{name}: a table has at most {MOST_ROWS} rows.")
    return list(dict.fromkeys(inputs.uuid(name, part) for part in value))


def files(name: str, value: Any) -> list[dict[str, Any]]:
    """Files as `{"name": …}` and, where they are there already, `"id"`; `None` for none."""
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(part, Mapping) for part in value):
        raise InvalidInput(f"{name} must be a list of files.")
    if len(value) > MOST_ROWS:
        raise InvalidInput(f"{name}: an answer has at most {MOST_ROWS} files.")
    return [_file(name, part) for part in value]


def _file(name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(part) - {"id", "name"}:
        raise InvalidInput(f"{name}: a file has no {', '.join(sorted(unknown))}.")
    key = None if part.get("id") is None else inputs.uuid(f"{name}.id", part["id"])
    called = part.get("name")
    if called is not None or key is None:
        called = inputs.text(f"{name}.name", called)
        if not 0 < len(called) <= LONGEST_FILE_NAME:
            raise InvalidInput(f"{name}.name must have 1 to {LONGEST_FILE_NAME} characters.")
    return {"id": key, "name": called}


def short(name: str, value: Any) -> Any:
    """The value, if it is not too large to be kept."""
    if len(json.dumps(value)) > LARGEST_VALUE:
        raise InvalidInput(f"{name} must be no larger than {LARGEST_VALUE} characters.")
    return value


def stored(answer: Answer) -> Any:
    """The value of an answer that has it in itself."""
    return answer.value if answer.date is None else answer.date
