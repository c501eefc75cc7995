"""The case and the work item around a document, for expressions. Documents know neither: whoever has some says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

Surroundings = Mapping[str, Any]
"""`case` and `workItem`: plain data, or null."""
Provider = Callable[[Sequence[UUID]], Mapping[UUID, Surroundings]]

NONE: Final[Surroundings] = {"case": None, "workItem": None}

_providers: Final[list[Provider]] = []


def provide(provider: Provider) -> None:
    """Say who knows what is around documents, given the keys of root documents."""
    if provider not in _providers:
        _providers.append(provider)


class Around:
    """What is around some root documents: looked up for all of them when it is asked for one."""

    def __init__(self, roots: Sequence[UUID]) -> None:
        self._roots = roots
        self._found: dict[UUID, Surroundings] | None = None

    def of(self, root: UUID) -> Surroundings:
        """What is around one of them."""
        if self._found is None:
            self._found = {}
            for provider in _providers:
                self._found.update(provider(self._roots))
        return self._found.get(root, NONE)
