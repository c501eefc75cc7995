"""A worker for tests: it runs on the test's loop, and what happens in it can be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async

from caluma_async.events import lifecycle
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.carriers.base import Source
from caluma_async.events.models import Delivery
from caluma_async.events.telemetry import Kind, Told, listeners
from caluma_async.events.worker import Worker


class Heard:
    """What the engine told; a coroutine may wait for it."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def listen(self, told: Told) -> None:
        """Take in what is told, on whatever thread."""
        self.told.append(told)
        self._loop.call_soon_threadsafe(self._news.set)

    def of(self, *kinds: Kind) -> list[Told]:
        """What was told of some kinds."""
        return [told for told in self.told if told.kind in kinds]

    async def until(self, kind: Kind, number: int = 1) -> Told:
        """Wait until so many of a kind were told; the last of them."""
        await self.until_there_are(number, kind)
        return self.of(kind)[number - 1]

    async def until_there_are(self, number: int, *kinds: Kind) -> None:
        """Wait until so many of these kinds were told."""
        async with asyncio.timeout(20):
            while len(self.of(*kinds)) < number:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def delivering(*, source: Source | None = None, drain: float = 10) -> AsyncIterator[tuple[Worker, Heard]]:
    """This process delivers while the block runs."""
    queue, heard = AsyncioQueue(), Heard()
    listeners.append(heard.listen)
    with lifecycle.using(queue):
        await queue.start(source)
        running = queue.worker
        assert running is not None
        try:
            yield running, heard
        finally:
            await queue.stop(drain)
            listeners.remove(heard.listen)


async def rows(*fields: str) -> list[Any]:
    """The deliveries' columns, in order of their keys; one column flat."""
    query = Delivery.objects.order_by("id").values_list(*fields, flat=len(fields) == 1)
    return await sync_to_async(lambda: list(query))()


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in the thread of the test's database calls."""
    return await sync_to_async(function)(*arguments)
