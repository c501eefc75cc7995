"""Every carrier behind one handle: emit, wait for what becomes of it, let it rest, stop it.

Nobody polls here: what is not carried stays lying, and the test that waits for it fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from django.db import connection

from caluma_async.events import EventType, lifecycle
from caluma_async.events.carriers import inline
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.carriers.base import Carrier, Source
from caluma_async.events.carriers.inline import Inline
from caluma_async.events.carriers.parked import Parked
from caluma_async.events.carriers.procrastinate import Jobs, Procrastinate
from caluma_async.events.telemetry import Kind, Told, listeners
from tests.integration.engine import Heard, in_thread
from tests.integration.worker_stage import emit_in_transaction

Emission = tuple[EventType, dict[str, Any]]


class Carried(Protocol):
    """A carrier that carries."""

    heard: Heard

    async def until(self, kind: Kind, number: int = 1) -> Told:
        """Wait until so many of a kind were told; the last of them."""

    async def rest(self) -> None:
        """Wait until nothing is in hand or due."""

    async def stop(self, drain: float) -> None:
        """Stop delivering."""


class Queued:
    """A worker on the test's loop."""

    def __init__(self, queue: AsyncioQueue) -> None:
        self.heard = Heard()
        self.queue = queue

    async def until(self, kind: Kind, number: int = 1) -> Told:
        """It comes by itself."""
        return await self.heard.until(kind, number)

    async def rest(self) -> None:
        """Let the worker look."""
        assert self.queue.worker is not None
        await self.queue.worker.until_nothing_is_due()

    async def stop(self, drain: float) -> None:
        """Stop the worker."""
        await self.queue.stop(drain)


class AtOnce:
    """What is due is delivered when it is emitted; retries wait until they are asked for."""

    def __init__(self) -> None:
        self.heard = Heard()

    async def until(self, kind: Kind, number: int = 1) -> Told:
        """Attempt what is to be tried again."""
        await self.rest()
        return await self.heard.until(kind, number)

    async def rest(self) -> None:
        """Attempt everything that is due."""
        await in_thread(inline.deliver_due)

    async def stop(self, drain: float) -> None:
        """Nothing goes on behind anybody's back."""


@asynccontextmanager
async def carrying(name: str) -> AsyncIterator[Carried]:
    """The carrier of this name, for the length of the block."""
    if name == "inline":
        async with _listened(AtOnce(), Inline()) as carried:
            yield carried
        return
    queue = AsyncioQueue()
    jobs: Source | None = Jobs() if name == "procrastinate" else None
    # whoever emits is another process: there is no other way from one to the other than the jobs
    carrier: Carrier = Procrastinate(queue) if name == "procrastinate" else queue
    async with _listened(Queued(queue), carrier) as carried:
        await queue.start(jobs)
        await carried.rest()
        try:
            yield carried
        finally:
            await queue.stop(10)


def another_process(name: str) -> Carrier:
    """The carrier of this name in a process that delivers nothing."""
    return Procrastinate(AsyncioQueue()) if name == "procrastinate" else Parked()


@asynccontextmanager
async def _listened(carried: Carried, carrier: Carrier) -> AsyncIterator[Carried]:
    listeners.append(carried.heard.listen)
    try:
        with lifecycle.using(carrier):
            yield carried
    finally:
        listeners.remove(carried.heard.listen)


async def emit(*emissions: Emission, fail: bool = False) -> None:
    """Emit in one transaction, which is rolled back if it is to fail."""
    await in_thread(lambda: emit_in_transaction(*emissions, fail=fail))


def floors(built: EventType, numbers: Sequence[int], house: int = 1) -> list[Emission]:
    """Events of one lane."""
    return [(built, {"house": house, "floor": number}) for number in numbers]


def jobs() -> list[str]:
    """The state of every job there is (PostgreSQL)."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")
        return [status for (status,) in cursor.fetchall()]
