"""The lane of what happens in a family of documents: the family, or what those say who have the root document.

A case has a document, and what happens there belongs into the case's lane; but documents know no cases. Whoever has
documents says so by `ask`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from caluma_async.form.models import Document

LaneOf = Callable[[UUID], str | None]

_LANE: Final = "_lane"
_asked: Final[list[LaneOf]] = []


def ask(lane_of: LaneOf) -> None:
    """Say who knows the lane of a family, given the key of its root document; `None`: not theirs."""
    if lane_of not in _asked:
        _asked.append(lane_of)


class Lane:
    """The lane of one family, asked for when it is first needed."""

    def __init__(self, family: UUID, name: str | None = None) -> None:
        self._family = family
        self._name = name

    def __str__(self) -> str:
        if self._name is None:
            told = (lane_of(self._family) for lane_of in _asked)
            self._name = next((lane for lane in told if lane is not None), f"document:{self._family}")
        return self._name

    def holds_for(self, documents: Iterable[Document]) -> None:
        """Let these objects keep it, so that it is asked for once for all of them."""
        for document in documents:
            document.__dict__[_LANE] = self


def document_lane(arguments: Mapping[str, Any]) -> str | None:
    """The lane of an event with the argument `document`."""
    document: Document | None = arguments.get("document")
    if document is None:
        return None
    return str(document.__dict__.get(_LANE) or Lane(document.family_id))


def family_lane(arguments: Mapping[str, Any]) -> str:
    """The lane of an event about what is gone: it has the argument `family_id`."""
    return str(Lane(arguments["family_id"]))
