"""Requests come first: whether any is under way in this process, for work that can wait a moment."""

from __future__ import annotations

import asyncio
from typing import Final

_CALM: Final = 0.002
"""Seconds without a request after which none is taken to be about to come."""


class Requests:
    """How many HTTP requests are under way; each is a `with` block on the event loop's thread."""

    def __init__(self) -> None:
        self._number = 0
        self._ended = -_CALM
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def are_under_way(self) -> bool:
        """Whether anybody waits for an answer."""
        return self._number > 0

    def let_pass(self, seconds: float) -> asyncio.Future[None] | None:
        """What to await so that requests come first: it is over when none is under way any more and none follows, after
        `seconds` at the latest, or when its result is set. `None`: there is nobody to wait for.

        Requests of another event loop are nobody to wait for.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop or self._is_calm(loop):
            return None
        passed = loop.create_future()
        late = loop.call_later(seconds, _resolve, passed)
        passed.add_done_callback(lambda _: late.cancel())
        passed.add_done_callback(self._waiting.discard)
        self._waiting.add(passed)
        self._watch(loop)
        return passed

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer, self._waiting = loop, None, set()
        self._number += 1

    def __exit__(self, *_: object) -> None:
        self._number -= 1
        if not self._number:
            loop = asyncio.get_running_loop()
            self._ended = loop.time()
            if self._waiting:
                self._watch(loop)

    def _is_calm(self, loop: asyncio.AbstractEventLoop) -> bool:
        return not self._number and loop.time() - self._ended >= _CALM

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have a look when it may be calm; while a request is under way, its end will ask for that."""
        if self._timer is None and not self._number:
            self._timer = loop.call_at(self._ended + _CALM, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if not self._is_calm(loop):
            self._watch(loop)
            return
        for passed in self._waiting:
            _resolve(passed)


def _resolve(passed: asyncio.Future[None]) -> None:
    if not passed.done():
        passed.set_result(None)


requests: Final = Requests()
