"""Durable emissions per second in one thread, beside transactions that insert one row of the same size."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection, transaction

from benchmarks.measuring import stage
from caluma_async.events import on, send_event
from caluma_async.events.lifecycle import using
from caluma_async.workflow.events import post_complete_work_item
from caluma_async.workflow.verbs.work_items import CompleteWorkItem

ROUNDS = 8
"""The two take turns, so that whatever else the machine does meets both."""


@on(post_complete_work_item)
async def receiver(work_item: Any, **kwargs: Any) -> None:
    """Do nothing."""


def measure(seconds: float) -> dict[str, float]:
    """Both rates; rounds of each in turn."""
    (item,) = stage.work_items(1)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, payload text)")
    payload = "x" * 600

    def bare() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO bare (payload) VALUES (%s)", [payload])

    def durable() -> None:
        send_event(post_complete_work_item, CompleteWorkItem, user=stage.USER, work_item=item)

    counted = {bare: 0, durable: 0}
    with using(stage.NOWHERE):
        for step in (bare, durable) * ROUNDS:
            counted[step] += _often(step, seconds / ROUNDS)
    return {"bare": counted[bare] / seconds, "durable": counted[durable] / seconds}


def _often(step: Any, seconds: float) -> int:
    done, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        step()
        done += 1
    return done
