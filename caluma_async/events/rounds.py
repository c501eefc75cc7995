"""One round of work after the other: what arrives while one is under way goes together into the next."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable


class Rounds:
    """Runs rounds while there is something to do; never two at a time. Belongs to one event loop.

    A round that fails is not repeated by itself: it says so with `kick` if it should be.
    """

    def __init__(self, one_round: Callable[[], Awaitable[None]]) -> None:
        self._one_round = one_round
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

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
