"""`def` deliveries per second: of a receiver that does nothing, and of one in a transaction that acknowledges it."""

from __future__ import annotations

import asyncio
from typing import Any

from django.db import connection

from benchmarks.measuring import stage
from caluma_async.events import on
from caluma_async.workflow.events import post_complete_work_item, post_skip_work_item

PER_SECOND = 600
EACH = 5


@on(post_complete_work_item, blocking=False)
def receiver(work_item: Any, **kwargs: Any) -> None:
    """Do nothing."""


@on(post_skip_work_item, blocking=False)
def asking(work_item: Any, **kwargs: Any) -> None:
    """Ask the database for something, which begins the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def measure(seconds: float) -> dict[str, float]:
    """Both rates."""
    many = int(PER_SECOND * seconds)
    items = stage.work_items(many // EACH)
    rates = {}
    for name, event in (("idle", post_complete_work_item), ("asking", post_skip_work_item)):
        stage.record(event, items, many)
        rates[name] = asyncio.run(stage.drain_rate(many))
    return rates
