"""Procrastinate: jobs per second of one worker that each load the work item that our receivers get, and do nothing.

Ten at once and without locks, which is where it is fastest; `async def` and `def` tasks.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "caluma_async.settings"

import django

django.setup()

import procrastinate  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.measuring import stage  # noqa: E402
from benchmarks.peers.procrastinate_jobs import CONCURRENCY  # noqa: E402
from caluma_async.events.loading import _at_hand  # noqa: E402
from caluma_async.workflow.models import WorkItem  # noqa: E402

PER_SECOND = {"awaited": 200, "threaded": 200}

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))
work_items = WorkItem.objects.select_related(*_at_hand[WorkItem])


@app.task(name="awaited")
async def awaited(work_item: str) -> None:
    """Load it."""
    await work_items.aget(pk=work_item)


@app.task(name="threaded")
def threaded(work_item: str) -> None:
    """Load it."""
    work_items.get(pk=work_item)


def measure(seconds: float) -> dict[str, float]:
    """Jobs per second, of either kind."""
    call_command("migrate", verbosity=0)
    items = stage.work_items(200)
    return {
        kind: asyncio.run(_measure({"awaited": awaited, "threaded": threaded}[kind], items, int(number * seconds)))
        for kind, number in PER_SECOND.items()
    }


async def _measure(task: Any, items: list[Any], number: int) -> float:
    async with app.open_async():
        await task.batch_defer_async(*({"work_item": str(items[place % len(items)].pk)} for place in range(number)))
        await asyncio.to_thread(_vacuum)
        begun = time.perf_counter()
        await app.run_worker_async(
            wait=False, concurrency=CONCURRENCY, install_signal_handlers=False, delete_jobs="always"
        )
        return number / (time.perf_counter() - begun)


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
