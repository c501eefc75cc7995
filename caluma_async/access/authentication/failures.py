"""Refused tokens in the log: enough to see that something is wrong, never so many that they are the trouble."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("caluma_async.authentication")

WINDOW: Final = 60.0
"""Seconds."""

MOST: Final = 10
"""Lines within a window."""


class Failures:
    """Logs the first ones of each minute one by one, and how many others there were. Never a token or a claim."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = -WINDOW
        self._count = 0

    def note(self, address: str, reason: str) -> None:
        """One token was refused; `reason` is a sentence of ours."""
        now = self._clock()
        if now - self._since >= WINDOW:
            if self._count > MOST:
                logger.warning("%d more tokens were refused within %d seconds.", self._count - MOST, WINDOW)
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= MOST:
            logger.warning("A token from %s was refused: %s", address, reason)


failures: Final = Failures()
