"""`def` deliveries per second, each in a transaction of its own that acknowledges it."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.measuring import stage
from caluma_async.events import on
from caluma_async.workflow.events import post_complete_work_item

PER_SECOND = 600
EACH = 5


@on(post_complete_work_item, blocking=False)
def receiver(work_item: Any, **kwargs: Any) -> None:
    """Do nothing."""


def measure(seconds: float) -> dict[str, float]:
    """The rate."""
    many = int(PER_SECOND * seconds)
    stage.record(post_complete_work_item, stage.work_items(many // EACH), many)
    return {"rate": asyncio.run(stage.drain_rate(many))}
