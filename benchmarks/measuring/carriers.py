"""One event a transaction, and deliveries that load their work item, over each carrier: rates and delays.

Over Procrastinate the clock stops when no job is left either. Who emits is a thread, as another process would be.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from typing import Any

from django.core.management import call_command
from django.db import connection

from benchmarks.measuring import stage
from caluma_async.events import lifecycle, on, send_event
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.carriers.base import Carrier
from caluma_async.events.carriers.procrastinate import Jobs, Procrastinate
from caluma_async.events.event import EventType
from caluma_async.events.telemetry import Kind, Told, listeners
from caluma_async.events.worker import Worker
from caluma_async.workflow.events import post_complete_work_item, post_skip_work_item
from caluma_async.workflow.verbs.work_items import CompleteWorkItem

PER_SECOND = {"awaited": 1_000, "threaded": 400}
EVENTS = {"awaited": post_complete_work_item, "threaded": post_skip_work_item}
EACH = 5
"""How many deliveries a case has, one behind the other."""

RATE = 50
WARM_UP = 25


@on(post_complete_work_item)
async def awaited(work_item: Any, **kwargs: Any) -> None:
    """Do nothing."""


@on(post_skip_work_item, blocking=False)
def threaded(work_item: Any, **kwargs: Any) -> None:
    """Do nothing."""


def measure(seconds: float) -> dict[str, float]:
    """By carrier: events recorded a second, deliveries a second, milliseconds from emission to start."""
    call_command("migrate", verbosity=0)
    items = stage.work_items(int(max(PER_SECOND.values()) * seconds) // EACH)
    figures: dict[str, float] = {}
    for carrier in ("asyncio", "procrastinate"):
        for kind, event in EVENTS.items():
            number = int(PER_SECOND[kind] * seconds)
            recorded = _record(carrier, event, items[: number // EACH], number)
            if kind == "awaited":
                figures[f"{carrier}_recorded"] = recorded
            figures[f"{carrier}_{kind}"] = asyncio.run(_drain(carrier, number))
        figures |= {f"{carrier}_{name}": value for name, value in asyncio.run(_delays(carrier, items, seconds)).items()}
    return figures


def _record(carrier: str, event: EventType, items: list[Any], number: int) -> float:
    """Emit, each in a transaction of its own, and let nobody deliver; how many a second."""
    begun = time.perf_counter()
    with lifecycle.using(_elsewhere(carrier)):
        for place in range(number):
            _emit(event, items[place % len(items)])
    rate = number / (time.perf_counter() - begun)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return rate


def _emit(event: EventType, item: Any) -> None:
    send_event(event, CompleteWorkItem, user=stage.USER, work_item=item)


def _elsewhere(carrier: str) -> Carrier:
    return stage.NOWHERE if carrier == "asyncio" else Procrastinate(AsyncioQueue())


async def _drain(carrier: str, number: int) -> float:
    """Deliveries a second of a process that starts with so many in the table."""
    delivered, queue = stage.Delivered(number), AsyncioQueue()
    gc.collect()
    begun = time.perf_counter()
    await queue.start(Jobs() if carrier == "procrastinate" else None)
    await delivered.everything()
    while carrier == "procrastinate" and await asyncio.to_thread(_jobs):
        await _worker(queue).until_nothing_is_due()
    elapsed = time.perf_counter() - begun
    await queue.stop()
    return number / elapsed


def _worker(queue: AsyncioQueue) -> Worker:
    assert queue.worker is not None
    return queue.worker


def _jobs() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        return int(cursor.fetchone()[0])


async def _delays(carrier: str, items: list[Any], seconds: float) -> dict[str, float]:
    """Milliseconds from emission to start."""
    number, waits, queue = int(RATE * seconds) + WARM_UP, [], AsyncioQueue()

    def hear(told: Told) -> None:
        if told.kind is Kind.STARTED:
            waits.append(time.time() - emitted.pop(0))

    emitted: list[float] = []
    await queue.start(Jobs() if carrier == "procrastinate" else None)
    await _worker(queue).until_nothing_is_due()
    delivered = stage.Delivered(number)
    listeners.append(hear)
    with lifecycle.using(queue if carrier == "asyncio" else _elsewhere(carrier)):
        await asyncio.to_thread(_emit_steadily, items, number, emitted)
        await delivered.everything()
    listeners.remove(hear)
    await queue.stop()
    delays = sorted(waits[WARM_UP:])
    return {"median": statistics.median(delays) * 1_000, "p99": delays[len(delays) * 99 // 100] * 1_000}


def _emit_steadily(items: list[Any], number: int, emitted: list[float]) -> None:
    begun = time.perf_counter()
    for place in range(number):
        time.sleep(max(begun + place / RATE - time.perf_counter(), 0))
        emitted.append(time.time())
        _emit(post_complete_work_item, items[place % len(items)])
