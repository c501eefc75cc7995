"""Time-ordered keys: UUID version 7 (RFC 9562), monotonic within a process."""

from __future__ import annotations

import os
import threading
import time
import uuid

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = 62
_TICK_BITS = 12


class _Clock:
    """Ticks of 1/4096 millisecond since the epoch, each given out once, in rising order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def tick(self) -> int:
        milliseconds, rest = divmod(time.time_ns(), 1_000_000)
        now = (milliseconds << _TICK_BITS) | (rest << _TICK_BITS) // 1_000_000
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last


_clock = _Clock()


def uuid7() -> uuid.UUID:
    """A key greater than every earlier one of this process.

    48 bits of milliseconds, then 12 bits that count fractions of a millisecond and step up where the clock stands
    still (RFC 9562, section 6.2, method 3), then 62 random bits.
    """
    tick = _clock.tick()
    high = (tick >> _TICK_BITS) << 80 | _VERSION | (tick & 0xFFF) << 64
    return uuid.UUID(int=high | _VARIANT | int.from_bytes(os.urandom(8)) >> (64 - _RANDOM_BITS))
