"""When a delivery that failed is tried again, and the two errors by which a receiver decides that itself."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

from caluma_async.errors import InvalidReceiver


@dataclass(frozen=True)
class Retry:
    """How often, and how far apart in seconds, a delivery is attempted.

    The pause before attempt n + 1 is `base * factor ** (n - 1)`, at most `cap`; with `jitter` it is spread at random
    between half of that and all of it.

    Raises `InvalidReceiver` for numbers that make no sense.
    """

    _: KW_ONLY
    max_attempts: int = 5
    base: float = 1.0
    factor: float = 2.0
    cap: float = 300.0
    jitter: bool = True

    def __post_init__(self) -> None:
        for name, least in (("max_attempts", 1), ("base", 0), ("factor", 1), ("cap", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
                raise InvalidReceiver(f"Retry({name}={value!r}): must be a number, {least} or more.")
        if not isinstance(self.max_attempts, int):
            raise InvalidReceiver(f"Retry(max_attempts={self.max_attempts!r}): must be a whole number.")

    def is_exhausted(self, attempt: int) -> bool:
        """Whether no attempt follows this one (counted from 1)."""
        return attempt >= self.max_attempts

    def pause(self, attempt: int, chance: Callable[[], float] = random.random) -> float:
        """Seconds between this attempt (counted from 1) and the next; `chance` is a number from 0 to 1."""
        try:
            full = min(self.base * self.factor ** (attempt - 1), self.cap)
        except OverflowError:
            full = self.cap
        return full * (0.5 + chance() / 2) if self.jitter else full


DEFAULT = Retry()


class RetryAfter(Exception):
    """Raised by a receiver: try again after so many seconds.

    Raises `ValueError` if that is no number of seconds that passes.
    """

    def __init__(self, seconds: float) -> None:
        if not math.isfinite(seconds):
            raise ValueError(f"RetryAfter({seconds!r}): must be a number of seconds.")
        super().__init__(f"Try again after {seconds:g} seconds.")
        self.seconds = seconds


class Discard(Exception):
    """Raised by a receiver: do not try again, for this reason."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "Discarded by the receiver.")
        self.reason = reason
