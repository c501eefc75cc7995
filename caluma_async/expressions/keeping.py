"""Remembers what was made of texts, as many as are worth their memory: by their characters, not by their number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, Generic, TypeVar, cast

V = TypeVar("V")

MOST_CHARACTERS: Final = 1_000_000
"""What is made of a character takes 100 to 350 bytes."""
LEAST: Final = 50
"""What is made of a short text takes as much as that of so many characters."""


class Kept(Generic[V]):
    """What ``make`` gives for texts; those that were not asked for longest are forgotten. Threads may share it."""

    def __init__(self, make: Callable[[str], V], most: int = MOST_CHARACTERS) -> None:
        self._make = make
        self._most = most
        self._lock = Lock()
        self._characters = 0
        self._made: OrderedDict[str, V] = OrderedDict()

    def __call__(self, text: str) -> V:
        with self._lock:
            found: Any = self._made.get(text, self)
            if found is not self:
                self._made.move_to_end(text)
                return cast("V", found)
        made: V = self._make(text)
        with self._lock:
            if text not in self._made:
                self._characters += LEAST + len(text)
            self._made[text] = made
            while self._characters > self._most:
                oldest, _ = self._made.popitem(last=False)
                self._characters -= LEAST + len(oldest)
        return made
