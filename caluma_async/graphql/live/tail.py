"""Follows the end of the log for the subscribers of one event loop: one reader for all of them, while there are any."""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from weakref import WeakKeyDictionary

from caluma_async.conf import settings
from caluma_async.events import feed
from caluma_async.events.feed import Happened
from caluma_async.events.outbox import log
from caluma_async.graphql.database import orm, use_live_threads

logger = logging.getLogger("caluma_async.events")

_PAUSE: Final = 1.0

_BREATH: Final = 0.01
"""Seconds between two reads: what is committed meanwhile is read together."""


class Tail:
    """Reads what is new when it is told that the log has grown, and every `EVENT_POLL` seconds in any case."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._grown = asyncio.Event()
        self._subscribers = 0
        self._starting: asyncio.Task[int] | None = None
        self._following: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Follow the log, for one subscriber more. What is committed from now on will be read."""
        self._subscribers += 1
        if self._starting is None:
            feed.grown[self] = self._ring
            self._starting = asyncio.ensure_future(orm(log.end))
        position = await asyncio.shield(self._starting)
        if self._following is None and self._subscribers:
            self._following = asyncio.create_task(self._follow(position))

    def leave(self) -> None:
        """One subscriber less; the last one ends it."""
        self._subscribers -= 1
        if not self._subscribers:
            feed.grown.pop(self, None)
            for task in (self._starting, self._following):
                if task is not None:
                    task.cancel()
            self._starting = self._following = None

    def _ring(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._grown.set)

    async def _follow(self, position: int) -> None:
        use_live_threads()
        while True:
            try:
                position = await self._read(position)
                await asyncio.sleep(_BREATH)
                async with asyncio.timeout(settings.EVENT_POLL):
                    await self._grown.wait()
            except TimeoutError:
                continue
            except Exception:
                logger.exception("The log could not be read.")
                await asyncio.sleep(_PAUSE)

    async def _read(self, position: int) -> int:
        self._grown.clear()
        while True:
            entries, end = await orm(log.awaited, position, feed.awaits)
            if entries:
                feed.events.publish_here(self._loop, [Happened(entry.position, entry.event) for entry in entries])
            if end == position:
                return position
            position = end


_tails: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Tail]] = WeakKeyDictionary()


def tail() -> Tail:
    """The one of this event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _tails:
        _tails[loop] = Tail()
    return _tails[loop]
