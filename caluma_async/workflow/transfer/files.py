"""The file: JSON with a list for each kind of object. Whether its text and its shape are right is told here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from caluma_async.errors import CalumaError, InvalidInput
from caluma_async.verbs import inputs

FORMAT: Final = 1
KINDS: Final = ("options", "questions", "forms", "tasks", "workflows")
"""The lists of a file, in an order in which each needs only those before it, but for questions of forms."""

Content = Mapping[str, list[dict[str, Any]]]
"""Descriptions of objects by kind; `format` is left out."""


class Broken(InvalidInput):
    """The file is broken, or asks for what cannot be; the message says where."""

    @classmethod
    def at(cls, place: str, error: CalumaError) -> Broken:
        """What went wrong at a place such as `questions[3] 'age'`."""
        return cls(f"{place}: {error.message}")


def written(content: Content) -> str:
    """The text of a file: the same for the same objects."""
    return json.dumps({"format": FORMAT, **content}, ensure_ascii=False, indent=2, sort_keys=False) + "\n"


def read(text: str) -> Content:
    """What the text of a file says; raises `Broken` for a text or a shape that is wrong."""
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise Broken(f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
    except (RecursionError, ValueError) as error:
        raise Broken("This JSON is nested too deeply, or has a number that is too long.") from error
    return _content(given)


def place(kind: str, number: int, slug: Any = None) -> str:
    """Where in the file an object stands."""
    return f"{kind}[{number}]" + (f" {inputs.shown(slug)}" if slug is not None else "")


def _content(given: Any) -> Content:
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise Broken(f'This is no file of workflows and forms: it does not say "format": {FORMAT}.')
    unknown = given.keys() - {"format", *KINDS}
    if unknown:
        raise Broken(f"There are no {', '.join(sorted(map(inputs.shown, unknown)))} in such a file.")
    content = {kind: given.get(kind, []) for kind in KINDS}
    for kind, objects in content.items():
        _check_objects(kind, objects)
    return content


def _check_objects(kind: str, objects: Any) -> None:
    if not isinstance(objects, list):
        raise Broken(f"{kind} must be a list.")
    seen: dict[str, int] = {}
    for number, each in enumerate(objects):
        if not isinstance(each, dict):
            raise Broken(f"{place(kind, number)} must be an object.")
        slug: Any = each.get("slug")
        if not inputs.is_slug(slug):
            raise Broken(f"{place(kind, number)} must have a slug.")
        if slug in seen:
            raise Broken(f"{place(kind, number, slug)} stands already at {place(kind, seen[slug])}.")
        seen[slug] = number
