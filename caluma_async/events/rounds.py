"""Work on an event loop: rounds, one after the other, and calls from other threads."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from contextlib import suppress


def call_on(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    """Have the loop call a function; from any thread. Nothing happens if the loop has ended, as nobody is there."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *arguments)


class Rounds:
    """Runs rounds while there is something to do; never two at a time. Belongs to one event loop.

    A round that fails is not repeated by itself: it says so with `kick` if it should be. `rested` is called whenever
    nothing is left to do.
    """

    def __init__(self, one_round: Callable[[], Awaitable[None]], rested: Callable[[], None]) -> None:
        self._one_round = one_round
        self._rested = rested
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no round is under way."""
        return self._task is None

    def kick(self) -> None:
        """There is something to do, now or as soon as the round under way is over."""
        self._wanted = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())

    async def finish(self) -> None:
        """Wait until nothing is to be done."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                await self._one_round()
        finally:
            self._task = None
            self._rested()
