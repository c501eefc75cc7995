"""What each type of question can be given: cleaners by field. Rules between fields are the verbs'."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from caluma_async.errors import InvalidInput
from caluma_async.form.expressions import calculation, condition
from caluma_async.verbs import inputs

SMALLEST_INTEGER: Final = -2_147_483_648
LARGEST_NUMBER: Final = 10**300

Cleaners = Mapping[str, inputs.Cleaner]


def length(name: str, value: Any) -> int | None:
    """A number of characters, of 1 or more; `None` for no bound."""
    if value == 0:
        raise InvalidInput(f"{name} must be 1 or more.")
    return inputs.whole_number(name, value)


def integer(name: str, value: Any) -> int | None:
    """A whole number; `None` for no bound."""
    if value is None:
        return None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not SMALLEST_INTEGER <= value <= inputs.LARGEST_INTEGER:
        raise InvalidInput(f"{name} must be a whole number from {SMALLEST_INTEGER} to {inputs.LARGEST_INTEGER}.")
    return int(value)


def number(name: str, value: Any) -> float | None:
    """A number; `None` for no bound."""
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value):
        raise InvalidInput(f"{name} must be a number.")
    return value


def step(name: str, value: Any) -> float | None:
    """A number of 0 or more; `None` for none."""
    found = number(name, value)
    if found is not None and found < 0:
        raise InvalidInput(f"{name} must be 0 or more.")
    return found


def one_of(*allowed: str) -> inputs.Cleaner:
    """One of these texts."""

    def clean(name: str, value: Any) -> str:
        if value not in allowed:
            raise InvalidInput(f"{name} must be one of {', '.join(allowed)}.")
        return str(value)

    return clean


def names(name: str, value: Any) -> list[str]:
    """Texts, each once; `None` for none."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} must be a list.")
    return list(dict.fromkeys(inputs.text(name, part) for part in value))


def _is_finite(value: float) -> bool:
    return abs(value) <= LARGEST_NUMBER if isinstance(value, int) else math.isfinite(value)


SHOWN: Final[Cleaners] = {
    "label": inputs.needed_localized,
    "info_text": inputs.localized,
    "is_hidden": condition,
    "is_archived": inputs.flag,
    "meta": inputs.json_object,
}
"""What every question can be given."""

ASKED: Final[Cleaners] = {**SHOWN, "is_required": condition}
HINTED: Final[Cleaners] = {**ASKED, "hint_text": inputs.localized}
FORMATTED: Final[Cleaners] = {**HINTED, "format_validators": names}
HELD: Final[Cleaners] = {**FORMATTED, "placeholder": inputs.localized}

TEXT: Final[Cleaners] = {**HELD, "min_length": length, "max_length": length}
INTEGER: Final[Cleaners] = {**HELD, "min_value": integer, "max_value": integer}
FLOAT: Final[Cleaners] = {**HELD, "min_value": number, "max_value": number, "step": step}
CHOICE: Final[Cleaners] = {**FORMATTED, "options": inputs.references}
DYNAMIC: Final[Cleaners] = {**FORMATTED, "data_source": inputs.text}
TABLE: Final[Cleaners] = {**FORMATTED, "row_form": inputs.reference}
FORM: Final[Cleaners] = {**ASKED, "sub_form": inputs.reference}
STATIC: Final[Cleaners] = {**SHOWN, "static_content": inputs.localized}
CALCULATED: Final[Cleaners] = {**HINTED, "calc_expression": calculation}
BUTTON: Final[Cleaners] = {
    **SHOWN,
    "action": one_of("complete", "skip"),
    "color": one_of("primary", "secondary", "default"),
    "validate_on_enter": inputs.flag,
    "show_validation": inputs.flag,
}
