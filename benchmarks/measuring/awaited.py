"""`async def` deliveries per second, each with its work item loaded: many cases, then one."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.measuring import stage
from caluma_async.events import on
from caluma_async.workflow.events import post_complete_work_item, post_skip_work_item

PER_SECOND = 2_500
HOT_PER_SECOND = 250
EACH = 5
"""How many deliveries a case has, one behind the other."""


@on([post_complete_work_item, post_skip_work_item])
async def receiver(work_item: Any, **kwargs: Any) -> None:
    """Do nothing."""


def measure(seconds: float) -> dict[str, float]:
    """Both rates."""
    many, hot = int(PER_SECOND * seconds), int(HOT_PER_SECOND * seconds)
    items = stage.work_items(many // EACH)
    stage.record(post_complete_work_item, items, many)
    spread = asyncio.run(stage.drain_rate(many))
    stage.record(post_skip_work_item, items[:1], hot)
    return {"spread": spread, "hot": asyncio.run(stage.drain_rate(hot))}
