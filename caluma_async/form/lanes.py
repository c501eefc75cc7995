"""The lane of what happens in a family of documents: the family, or what those say who have the root document.

A case has a document, and what happens there belongs into the case's lane; but documents know no cases. Whoever has
documents says so by `ask`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from caluma_async.form.models import Document

LaneOf = Callable[[UUID], str | None]

_LANE: Final = "_lane"
_asked: Final[list[LaneOf]] = []


def ask(lane_of: LaneOf) -> None:
    """Say who knows the lane of a family, given the key of its root document; `None`: not theirs."""
    if lane_of not in _asked:
        _asked.append(lane_of)


def use(root: Document, lane: str | None) -> None:
    """Say which lane the family of this root has, for as long as the object is used: nobody is asked then."""
    if lane is not None:
        root.__dict__[_LANE] = lane


def document_lane(arguments: Mapping[str, Any]) -> str | None:
    """The lane of an event with the argument `document`.

    Documents that share their root as an object are asked about once.
    """
    document: Document | None = arguments.get("document")
    if document is None:
        return None
    root: Document = document._state.fields_cache.get("family") or document
    if _LANE not in root.__dict__:
        root.__dict__[_LANE] = _lane(document.family_id)
    return str(root.__dict__[_LANE])


def _lane(family: UUID) -> str:
    for lane_of in _asked:
        lane = lane_of(family)
        if lane is not None:
            return lane
    return f"document:{family}"
