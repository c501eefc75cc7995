"""How often it is worth looking for deliveries, by how long receivers take. Pure: no database, no event loop."""

from __future__ import annotations

from typing import Final

_BETWEEN: Final = 0.04
"""Seconds between two looks while few places are free: each place that is left would be a look for one delivery."""

_BETWEEN_AT_MOST: Final = 0.1
"""Where receivers take longer than `_BETWEEN`, looks wait for as long as those do, and for so many seconds at most."""

_MANY: Final = 1 / 2
"""Places are few while a smaller share of them is free, or about to be."""

_MOST: Final = 3 / 4
"""The same where receivers take longer than `_BETWEEN`: those that began together end at about the same time."""

_LATEST: Final = 16
"""Of about how many of the latest deliveries it is taken how long receivers take."""


class Pace:
    """How long the latest receivers took, and what follows from it."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def note(self, seconds: float) -> None:
        """A receiver ran for so long."""
        self._seconds += (seconds - self._seconds) / _LATEST

    @property
    def between(self) -> float:
        """Seconds between two looks while few places are free."""
        return min(max(self._seconds, _BETWEEN), _BETWEEN_AT_MOST)

    def is_enough(self, free: int, size: int) -> bool:
        """Whether so many free places of all are worth a look at once."""
        return free >= size * (_MOST if self._seconds > _BETWEEN else _MANY)
