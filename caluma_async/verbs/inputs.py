"""What may be written into a field of an input, kind by kind. Rules between fields, and what exists, are the verbs'.

A cleaner takes a field's name (as the client wrote it) and the value; it returns the value as the verb uses it, or
raises `InvalidInput` with a whole sentence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db.models import Model

from caluma_async.errors import InvalidExpression, InvalidInput
from caluma_async.records import LocalizedText, language

Cleaner: TypeAlias = Callable[[str, Any], Any]

LONGEST_SLUG: Final = 127
DEEPEST_JSON: Final = 200
LARGEST_INTEGER: Final = 2_147_483_647

_SLUG = re.compile(r"[-_a-zA-Z0-9]+")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(data: Mapping[str, Any], cleaners: Mapping[str, Cleaner], *, of: str) -> dict[str, Any]:
    """The input with every value cleaned; `of` names the object in the message (`Task 'review'`).

    Raises `InvalidInput` with all complaints, also for fields that `cleaners` does not know.
    """
    cleaned: dict[str, Any] = {}
    complaints: dict[str, InvalidInput] = {}
    for key, value in data.items():
        name = camel(key)
        try:
            cleaned[key] = cleaners.get(key, unknown)(name, value)
        except InvalidInput as complaint:
            complaints[name] = complaint
    if complaints:
        raise together(complaints, of=of)
    return cleaned


def together(complaints: Mapping[str, InvalidInput], *, of: str) -> InvalidInput:
    """One error for all complaints, by field; it is about an expression only if that is the only complaint."""
    fields = {name: complaint.message for name, complaint in complaints.items()}
    message = f"{of}: {' '.join(fields.values())}"
    first, complaint = next(iter(complaints.items()))
    if len(complaints) == 1 and isinstance(complaint, InvalidExpression):
        error: InvalidInput = InvalidExpression(message, field=first, position=complaint.position)
        error.fields = fields
        return error
    return InvalidInput(message, field=first, fields=fields)


def refusal(name: str, message: str, *, of: str) -> InvalidInput:
    """The error for one field."""
    return together({name: InvalidInput(message)}, of=of)


def camel(key: str) -> str:
    """A field's name as clients write it: `leadTime` for `lead_time`."""
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def unknown(name: str, value: Any) -> Any:
    """Refuses: for fields that there are not."""
    raise InvalidInput(f"There is no field {name}.")


def key_of(value: Any) -> Any:
    """The key of an object: Python code may hand over the object itself."""
    return value.pk if isinstance(value, Model) else value


def shown(value: Any) -> str:
    """A key as it may stand in a message: quoted, and cut where it is longer than any key."""
    return repr(str(value)[:LONGEST_SLUG])


def is_slug(value: Any) -> bool:
    """Whether it could be the slug of something."""
    return isinstance(value, str) and len(value) <= LONGEST_SLUG and _SLUG.fullmatch(value) is not None


def slug(name: str, value: Any) -> str:
    """A slug, as long as its column allows."""
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise InvalidInput(f"{name} must be made of letters (a-z, A-Z), digits, hyphens and underscores, at least one.")
    if len(value) > LONGEST_SLUG:
        raise InvalidInput(f"{name} must be no longer than {LONGEST_SLUG} characters.")
    return value


def uuid(name: str, value: Any) -> UUID:
    """A uuid, or the text of one."""
    try:
        return value if isinstance(value, UUID) else UUID(str(key_of(value)))
    except ValueError as error:
        raise InvalidInput(f"{name} must be a uuid.") from error


def is_storable(value: str) -> bool:
    """Whether every database takes the text: it has no NUL and no half of a surrogate pair."""
    return _NOT_STORABLE.search(value) is None


def text(name: str, value: Any) -> str:
    """A text, perhaps empty."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a text.")
    if not is_storable(value):
        raise InvalidInput(f"{name} contains a character that cannot be stored (NUL, or half of a surrogate pair).")
    return value


def localized(name: str, value: Any) -> LocalizedText:
    """The text of the active language, or `None` for none; Python code may give several as `{"en": …, "de": …}`."""
    if isinstance(value, Mapping):
        return LocalizedText({text(name, code): _text_or_none(name, part) for code, part in value.items()})
    return LocalizedText({language(): _text_or_none(name, value)})


def needed_localized(name: str, value: Any) -> LocalizedText:
    """As `localized`, but not `None`."""
    if value is None:
        raise InvalidInput(f"{name} must be a text.")
    return localized(name, value)


def json_object(name: str, value: Any) -> dict[str, Any]:
    """A JSON object; `None` empties it."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} must be a JSON object.")
    for part, depth in parts(value):
        _check_part(name, part, depth)
    return dict(value)


def flag(name: str, value: Any) -> bool:
    """Yes or no; `None` is no."""
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"{name} must be true or false.")
    return bool(value)


def whole_number(name: str, value: Any) -> int | None:
    """A whole number of 0 or more; `None` for none."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_INTEGER:
        raise InvalidInput(f"{name} must be a whole number from 0 to {LARGEST_INTEGER}.")
    return value


def reference(name: str, value: Any) -> str:
    """The slug of an object, or the object itself."""
    return slug(name, key_of(value))


def references(name: str, value: Any) -> list[str]:
    """Slugs of objects, or the objects themselves, each once; `None` for none."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} must be a list.")
    return list(dict.fromkeys(reference(name, part) for part in value))


def some_references(name: str, value: Any) -> list[str]:
    """As `references`, but at least one."""
    found = references(name, value)
    if not found:
        raise InvalidInput(f"{name} must name at least one.")
    return found


def parts(value: Any) -> Iterator[tuple[Any, int]]:
    """A JSON value and all that it contains, each with its depth; without recursion, for depth is the client's."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        if isinstance(part, Mapping):
            waiting += [(inner, depth + 1) for pair in part.items() for inner in pair]
        elif isinstance(part, list | tuple):
            waiting += [(inner, depth + 1) for inner in part]


def _text_or_none(name: str, value: Any) -> str | None:
    return None if value is None else text(name, value)


def _check_part(name: str, part: Any, depth: int) -> None:
    if depth > DEEPEST_JSON:
        raise InvalidInput(f"{name} must not be nested deeper than {DEEPEST_JSON} levels.")
    if isinstance(part, Mapping) and not all(isinstance(key, str) for key in part):
        raise InvalidInput(f"{name} must be JSON: the keys of an object must be texts.")
    if isinstance(part, str):
        text(name, part)
    elif isinstance(part, float) and not math.isfinite(part):
        raise InvalidInput(f"{name} must be JSON: there is no {part} in it.")
    elif not isinstance(part, Mapping | list | tuple):
        _check_scalar(name, part)


def _check_scalar(name: str, part: Any) -> None:
    try:
        json.dumps(part)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} must be JSON: {type(part).__name__} cannot be stored.") from error
