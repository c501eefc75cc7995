"""One at a time per lane, fair turns, and how much fits. Pure: knows no database and no event loop."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SEPARATOR: Final = "|"
"""Stands in a lane's name between the receiver and the event's lane."""


def lane_of(receiver: str, lane: str | None) -> str | None:
    """The lane of a receiver's deliveries of an event with this lane."""
    return None if lane is None else f"{receiver}{SEPARATOR}{lane}"


def turned(receivers: Sequence[str], turns: int) -> list[str]:
    """The receivers, another one first each time."""
    first = turns % len(receivers) if receivers else 0
    return [*receivers[first:], *receivers[:first]]


class Room:
    """How many deliveries may still be taken in hand. Emitting threads ask, too."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._open = True
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        """How many places are left."""
        return self._free if self._open else 0

    @property
    def taken(self) -> int:
        """How many places are in use."""
        return self.size - self._free

    def take(self, wanted: int) -> int:
        """Take up to so many places; how many there were."""
        with self._lock:
            taken = min(wanted, self._free) if self._open else 0
            self._free -= taken
            return taken

    def give(self, places: int) -> None:
        """Give places back."""
        with self._lock:
            self._free += places

    def close(self) -> None:
        """Let nobody take a place any more."""
        self._open = False


class Followers(Generic[T]):
    """What was fetched along with the first of a lane, in order, and waits for its turn in memory."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[T]] = {}

    def add(self, lane: str, follower: T) -> None:
        """Put one behind the others of its lane."""
        self._lanes.setdefault(lane, deque()).append(follower)

    def next(self, lane: str | None) -> T | None:
        """Take the lane's next one out, if there is one."""
        waiting = self._lanes.get(lane) if lane is not None else None
        if not waiting or lane is None:
            return None
        follower = waiting.popleft()
        if not waiting:
            del self._lanes[lane]
        return follower

    def put_back(self, lane: str, follower: T) -> None:
        """Undo `next`."""
        self._lanes.setdefault(lane, deque()).appendleft(follower)

    def drop(self, lane: str | None) -> list[T]:
        """Take all of a lane out."""
        return list(self._lanes.pop(lane, ())) if lane is not None else []

    def drop_all(self) -> list[T]:
        """Take everything out."""
        dropped = [follower for waiting in self._lanes.values() for follower in waiting]
        self._lanes.clear()
        return dropped
