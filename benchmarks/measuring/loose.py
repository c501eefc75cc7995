"""Deliveries without a row per second, beside a bare `asyncio.Queue` that hands over one by one: both ends await.

The two take turns, so that whatever else the machine does concerns both; a rate is the median over the turns.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from benchmarks.measuring import stage
from caluma_async.events import EventType, on
from caluma_async.events.emit import emissions, emit

PER_SECOND = 5_000
BATCH = 1_000
TURNS = 8

post_tick = EventType("post_tick", arguments=("number",))


@on(post_tick, durable=False)
async def receiver(number: int, **kwargs: Any) -> None:
    """Do nothing."""


def measure(seconds: float) -> dict[str, float]:
    """Both rates."""
    return asyncio.run(_measure(max(int(PER_SECOND * seconds) // BATCH // TURNS, 1) * BATCH))


async def _measure(number: int) -> dict[str, float]:
    rates: dict[str, list[float]] = {"bare": [], "loose": []}
    async with stage.delivering():
        for _ in range(TURNS):
            rates["bare"].append(await _bare(number))
            rates["loose"].append(await _loose(number))
    return {name: statistics.median(of_turns) for name, of_turns in rates.items()}


async def _bare(number: int) -> float:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)

    async def consume() -> None:
        for _ in range(number):
            await receiver(number=await queue.get())

    consumer = asyncio.create_task(consume())
    begun = time.perf_counter()
    for place in range(number):
        await queue.put(place)
    await consumer
    return number / (time.perf_counter() - begun)


async def _loose(number: int) -> float:
    begun = time.perf_counter()
    for first in range(0, number, BATCH):
        delivered = stage.Delivered(BATCH)
        await asyncio.to_thread(_emit_batch, first)
        await delivered.everything()
    return number / (time.perf_counter() - begun)


def _emit_batch(first: int) -> None:
    with emissions():
        for place in range(first, first + BATCH):
            emit(post_tick, sender=None, user=stage.USER, number=place)
