"""From the commit to the start at 100 events a second; and 40 receivers of one event that wait 50 ms each."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from django.db import transaction

from benchmarks.measuring import stage
from caluma_async.events import on, send_event
from caluma_async.workflow.events import post_complete_work_item, post_skip_work_item
from caluma_async.workflow.verbs.work_items import CompleteWorkItem

RATE = 100
WAITING = 40
REPEATS = 11
WARM_UP = 50

committed: dict[str, float] = {}
started: dict[str, float] = {}
finished: list[float] = []


@on(post_complete_work_item)
async def receiver(event: Any, work_item: Any, **kwargs: Any) -> None:
    """Note the moment."""
    started[event.context] = time.perf_counter()


def _wait_50_ms(place: int) -> Any:
    async def waiting(work_item: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0.05)
        finished.append(time.perf_counter())

    return on(post_skip_work_item, name=f"waiting.{place}")(waiting)


for number in range(WAITING):
    _wait_50_ms(number)


def measure(seconds: float) -> dict[str, float]:
    """Milliseconds: median and 99th percentile of the delay; median and worst of the fan-out."""
    items = stage.work_items(500)
    return asyncio.run(_measure(items, int(RATE * seconds) + WARM_UP))


async def _measure(items: list[Any], number: int) -> dict[str, float]:
    async with stage.delivering():
        delivered = stage.Delivered(number)
        await asyncio.to_thread(_emit_steadily, items, number)
        await delivered.everything()
        delays = sorted(started[key] - committed[key] for key in list(committed)[WARM_UP:])
        fans = [await _fan_out(items[place]) for place in range(REPEATS)]
    return {
        "median": statistics.median(delays) * 1_000,
        "p99": delays[len(delays) * 99 // 100] * 1_000,
        "fan_median": statistics.median(fans) * 1_000,
        "fan_worst": max(fans) * 1_000,
    }


def _emit_steadily(items: list[Any], number: int) -> None:
    begun = time.perf_counter()
    for place in range(number):
        time.sleep(max(begun + place / RATE - time.perf_counter(), 0))
        _emit(post_complete_work_item, items[place % len(items)], str(place))


def _emit(event: Any, item: Any, key: str) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: committed.__setitem__(key, time.perf_counter()))
        send_event(event, CompleteWorkItem, user=stage.USER, context=key, work_item=item)


async def _fan_out(item: Any) -> float:
    finished.clear()
    delivered = stage.Delivered(WAITING)
    await asyncio.to_thread(_emit, post_skip_work_item, item, "fan")
    await delivered.everything()
    return max(finished) - committed["fan"]
