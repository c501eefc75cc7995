"""Procrastinate: jobs per second of one worker, starting with so many in the table. They do nothing and load nothing.

Ten at once and without locks, which is where it is fastest.
"""

from __future__ import annotations

import asyncio
import os
import time

import procrastinate
import psycopg

CONCURRENCY = 10
PER_SECOND = 600

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))


@app.task(name="nothing")
async def nothing(work_item: str) -> None:
    """Do nothing."""


def measure(seconds: float) -> dict[str, float]:
    """Jobs per second."""
    return {"rate": asyncio.run(_measure(int(PER_SECOND * seconds)))}


async def _measure(number: int) -> float:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*({"work_item": str(place)} for place in range(number)))
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        begun = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY, install_signal_handlers=False)
        return number / (time.perf_counter() - begun)
