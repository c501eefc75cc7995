"""Time-ordered keys: UUID version 7 (RFC 9562), monotonic within a process."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from struct import iter_unpack
from typing import Any, Final

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = 62
_TICK_BITS = 12

_AT_ONCE: Final = 1024
"""How many random bytes are asked for by one system call."""


class _Clock:
    """Ticks of 1/4096 millisecond since the epoch, each given out once, in rising order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._random: Iterator[tuple[Any, ...]] = iter(())

    def tick(self) -> tuple[int, int]:
        """A tick, and 64 random bits."""
        milliseconds, rest = divmod(time.time_ns(), 1_000_000)
        now = (milliseconds << _TICK_BITS) | (rest << _TICK_BITS) // 1_000_000
        with self._lock:
            last = self._last
            self._last = last = now if now > last else last + 1
            for (random,) in self._random:
                return last, random
            self._random = iter_unpack("=Q", os.urandom(_AT_ONCE))
            return last, next(self._random)[0]

    def forget(self) -> None:
        """In the child of a fork: what is left of the random bits is the parent's, and the lock may be held."""
        self.__init__()  # type: ignore[misc]


_clock = _Clock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_clock.forget)


def uuid7() -> uuid.UUID:
    """A key greater than every earlier one of this process.

    48 bits of milliseconds, then 12 bits that count fractions of a millisecond and step up where the clock stands
    still (RFC 9562, section 6.2, method 3), then 62 random bits.
    """
    tick, random = _clock.tick()
    high = (tick >> _TICK_BITS) << 80 | _VERSION | (tick & 0xFFF) << 64
    return uuid.UUID(int=high | _VARIANT | random >> (64 - _RANDOM_BITS))
