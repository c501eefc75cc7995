"""One at a time per lane, fair turns and shares, and how much fits. Pure: knows no database and no event loop."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SEPARATOR: Final = "|"
"""Stands in a lane's name between the receiver and the event's lane."""


_FOR_EACH_LEFT: Final = 2
"""How many places a receiver may hold for each that it leaves free, apart from the last one."""


def lane_of(receiver: str, lane: str | None) -> str | None:
    """The lane of a receiver's deliveries of an event with this lane."""
    return None if lane is None else f"{receiver}{SEPARATOR}{lane}"


def turned(receivers: Sequence[str], turns: int) -> list[str]:
    """The receivers, another one first each time."""
    first = turns % len(receivers) if receivers else 0
    return [*receivers[first:], *receivers[:first]]


class Shares:
    """Places, and how many of them each receiver holds.

    Where they are shared, a receiver may hold so many for each that it leaves to others. So one that never gives a
    place back gets two thirds of them, a second one like it two thirds of the rest, and so on: the last free place
    goes to nobody but a receiver that holds none.
    """

    def __init__(self, free: int, held: Mapping[str, int] = MappingProxyType({}), *, are_shared: bool = True) -> None:
        self.free = free
        self.held = Counter(held)
        self.are_shared = are_shared

    def take(self, who: str) -> bool:
        """Take a place; whether the receiver may have it."""
        if not self.may_take(who):
            return False
        self.free -= 1
        self.held[who] += 1
        return True

    def take_up_to(self, who: str, wanted: int) -> int:
        """Take so many places, or as many as the receiver may have; how many."""
        taken = 0
        while taken < wanted and self.take(who):
            taken += 1
        return taken

    def may_take(self, who: str) -> bool:
        """Whether the receiver may have a place."""
        held = self.held.get(who, 0)
        return self.free > 0 and (not (held and self.are_shared) or held < _FOR_EACH_LEFT * (self.free - 1))

    def give(self, who: str, places: int = 1) -> None:
        """Give places of a receiver's back."""
        self.free += places
        self.held[who] -= places
        if not self.held[who]:
            del self.held[who]


class Room:
    """How many deliveries may still be taken in hand, and of which receivers. Emitting threads ask, too."""

    def __init__(self, size: int, *, are_shared: bool = True) -> None:
        self.size = size
        self._shares = Shares(size, are_shared=are_shared)
        self._open = True
        self._asked = False
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        """How many places are left."""
        return self._shares.free if self._open else 0

    @property
    def taken(self) -> int:
        """How many places are in use."""
        return self.size - self._shares.free

    def share(self, are_shared: bool) -> None:
        """Say whether several receivers may want places."""
        self._shares.are_shared = are_shared

    def may_take(self, who: str) -> bool:
        """Whether the receiver could take a place now."""
        return self._open and self._shares.may_take(who)

    def take(self, who: str) -> bool:
        """Take a place; whether the receiver got one."""
        with self._lock:
            return self._open and self._shares.take(who)

    def reserve(self, who: str) -> bool:
        """Take a place for what is about to be there; whether the receiver got one."""
        self._asked = True
        return self.take(who)

    def take_each(self, whos: Iterable[str]) -> list[bool]:
        """Take a place for each of these in turn; which of them got one."""
        with self._lock:
            return [self._open and self._shares.take(who) for who in whos]

    def take_up_to(self, who: str, wanted: int) -> int:
        """Take so many places, or as many as the receiver may have; how many."""
        with self._lock:
            return self._shares.take_up_to(who, wanted) if self._open else 0

    def give(self, who: str, places: int = 1) -> None:
        """Give places back."""
        if places:
            with self._lock:
                self._shares.give(who, places)

    def lend(self) -> Shares:
        """Take the free places, for receivers that are still to be found: their shares, to be dealt out elsewhere.

        Half of them stay if somebody reserved any since the last time: what finds none then has to be looked for, and
        while it is looked for, the next would find none.
        """
        with self._lock:
            shares, lent = self._shares, self.free
            if self._asked and lent > 1:
                lent -= lent // 2
            self._asked = False
            copy = Shares(lent, shares.held, are_shared=shares.are_shared)
            shares.free -= lent
            return copy

    def settle(self, lent: int, taken: Mapping[str, int] = MappingProxyType({})) -> None:
        """What was lent is back, but for what these receivers have taken."""
        with self._lock:
            self._shares.free += lent - sum(taken.values())
            self._shares.held.update(taken)

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
