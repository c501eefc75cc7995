"""The transforms that every domain has. What they cannot work with, they answer with null, never with an error."""

from __future__ import annotations

import json
import logging
import math
import reprlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from caluma_async.expressions.limits import MAX_ITEMS, MAX_NUMBER, MAX_TEXT, ExpressionError

logger = logging.getLogger("caluma_async.expressions")

MAX_PLACES: Final = 308

_shown = reprlib.Repr()
_shown.maxlevel, _shown.maxlist, _shown.maxtuple, _shown.maxdict = 4, 10, 10, 10
_shown.maxstring = _shown.maxlong = _shown.maxother = 500


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -MAX_NUMBER <= value <= MAX_NUMBER


def _finite(number: float) -> float | None:
    return number if _is_number(number) else None


def _numbers(values: Any) -> list[Any]:
    return [value for value in values if _is_number(value)] if _is_list(values) else []


def mapby(rows: Any, key: Any, *keys: Any) -> Any:
    """The cells of a column, null where a row has none; with several keys, a list of cells per row."""
    if not _is_list(rows):
        return None
    if len(rows) * (1 + len(keys)) > MAX_ITEMS:
        raise ExpressionError(f"a list is longer than {MAX_ITEMS} items")
    if keys:
        return [[_cell(row, each) for each in (key, *keys)] for row in rows]
    return [_cell(row, key) for row in rows]


def _cell(row: Any, key: Any) -> Any:
    return row.get(key) if isinstance(row, Mapping) and isinstance(key, str) else None


def flatten(lists: Any) -> Any:
    """One list of the items of all lists; an item that is no list stays."""
    if not _is_list(lists):
        return None
    flat: list[Any] = []
    for item in lists:
        flat.extend(item if _is_list(item) else [item])
        if len(flat) > MAX_ITEMS:
            raise ExpressionError(f"a list is longer than {MAX_ITEMS} items")
    return flat


def length(value: Any) -> int | None:
    """How many characters, items or keys there are."""
    return len(value) if isinstance(value, (str, list, tuple, Mapping)) else None


def stringify(value: Any) -> str:
    """The value as JSON text."""
    chunks, size = [], 0
    for chunk in json.JSONEncoder(ensure_ascii=False, default=_as_json).iterencode(value):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_TEXT:
            raise ExpressionError(f"a text is longer than {MAX_TEXT} characters")
    return "".join(chunks)


def _as_json(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def debug(value: Any, label: Any = None) -> Any:
    """The value itself; it is logged on the way, shortened where it is long."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s: %s", "debug" if label is None else _shown.repr(label), _shown.repr(value))
    return value


def minimum(values: Any) -> Any:
    """The smallest of the numbers in a list."""
    return min(_numbers(values), default=None)


def maximum(values: Any) -> Any:
    """The largest of the numbers in a list."""
    return max(_numbers(values), default=None)


def total(values: Any) -> Any:
    """The sum of the numbers in a list, 0 if there are none."""
    return _finite(sum(_numbers(values))) if _is_list(values) else None


def average(values: Any) -> Any:
    """The mean of the numbers in a list."""
    numbers = _numbers(values)
    return _finite(sum(numbers) / len(numbers)) if numbers and _finite(sum(numbers)) is not None else None


def rounded(value: Any, places: Any = 0) -> Any:
    """The number with so many decimal places, half up as written: `2.675|round(2)` is 2.68, `-2.5|round` is -2.

    An integer where ``places`` is 0 or less; `1250|round(-2)` is 1300.
    """
    if not _is_number(value) or not _is_number(places) or places != int(places) or abs(places) > MAX_PLACES:
        return None
    scale = Fraction(10) ** int(places)
    exact = Fraction(value) if isinstance(value, int) else Fraction(repr(value))
    result = math.floor(exact * scale + Fraction(1, 2)) / scale
    return _finite(int(result) if places <= 0 or isinstance(value, int) else float(result))


def ceiling(value: Any) -> Any:
    """The next integer that is not smaller."""
    return math.ceil(value) if _is_number(value) else None


def floor(value: Any) -> Any:
    """The next integer that is not larger."""
    return math.floor(value) if _is_number(value) else None


BASE_TRANSFORMS: Final[Mapping[str, Callable[..., Any]]] = {
    "mapby": mapby,
    "flatten": flatten,
    "length": length,
    "stringify": stringify,
    "debug": debug,
    "min": minimum,
    "max": maximum,
    "sum": total,
    "avg": average,
    "round": rounded,
    "ceil": ceiling,
    "floor": floor,
}

PRICES: Final[Mapping[str, int]] = {"round": 50, "stringify": 8}
"""How much dearer a transform is than walking over what it is given and what it gives."""
