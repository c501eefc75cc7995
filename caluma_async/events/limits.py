"""Time limits: most of what is limited is over long before, so those that may take as long share a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Limits(Generic[T]):
    """Calls `late` with what took longer than it may, and how many seconds it may take. Belongs to one event loop."""

    def __init__(self, late: Callable[[T, float], None]) -> None:
        self._late = late
        self._ends: dict[float, dict[T, float]] = {}
        """For each limit when what is under it has to be over; the earliest first."""

    def watch(self, one: T, seconds: float) -> None:
        """It begins now."""
        loop = asyncio.get_running_loop()
        ends = self._ends.get(seconds)
        if ends is None:
            ends = self._ends[seconds] = {}
            loop.call_later(seconds, self._look, seconds)
        ends[one] = loop.time() + seconds

    def forget(self, one: T, seconds: float) -> None:
        """It is over; safe to say when it was late."""
        self._ends.get(seconds, {}).pop(one, None)

    def _look(self, seconds: float) -> None:
        loop, ends = asyncio.get_running_loop(), self._ends[seconds]
        while ends:
            one, end = next(iter(ends.items()))
            if end > loop.time():
                loop.call_at(end, self._look, seconds)
                return
            del ends[one]
            self._late(one, seconds)
        self._ends.pop(seconds)
