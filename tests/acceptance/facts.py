"""Waiting for what other processes do: for the fact itself, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_BETWEEN_LOOKS: Final = 0.05
_nobody_sets_this: Final = threading.Event()


def eventually(fact: Callable[[], T], *, within: float = 60, otherwise: Callable[[], Any] = lambda: "") -> T:
    """The first value of `fact` that is true.

    Fails after so many seconds, with what `otherwise` says then.
    """
    deadline = time.monotonic() + within
    while not (value := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"It did not come about within {within:g} seconds. {otherwise()}")
        _nobody_sets_this.wait(_BETWEEN_LOOKS)
    return value
