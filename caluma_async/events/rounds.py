"""Work on an event loop: rounds, one after the other, and calls from other threads."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from contextlib import suppress

from caluma_async.precedence import requests


def call_on(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    """Have the loop call a function; from any thread. Nothing happens if the loop has ended, as nobody is there."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *arguments)


class Rounds:
    """Runs rounds while there is something to do; never two at a time. Belongs to one event loop.

    A round that fails is not repeated by itself: it says so with `kick` if it should be. `rested` is called whenever
    nothing is left to do. `patience`: seconds for which a round that is not urgent lets requests pass first; what comes
    up meanwhile is done together.
    """

    def __init__(
        self, one_round: Callable[[], Awaitable[None]], rested: Callable[[], None], *, patience: float = 0
    ) -> None:
        self._one_round = one_round
        self._rested = rested
        self._patience = patience
        self._wanted = False
        self._is_urgent = False
        self._pause: asyncio.Future[None] | None = None
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

    def hasten(self) -> None:
        """There is something to do that somebody waits for: let nobody pass."""
        self._is_urgent = True
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)
        self.kick()

    async def finish(self) -> None:
        """Wait until nothing is to be done."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._wanted:
                if self._patience and not self._is_urgent:
                    await self._let_pass()
                self._wanted = self._is_urgent = False
                await self._one_round()
        finally:
            self._task = None
            self._rested()

    async def _let_pass(self) -> None:
        self._pause = requests.let_pass(self._patience)
        if self._pause is not None:
            await self._pause
            self._pause = None
