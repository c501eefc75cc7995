"""What the measurements share: rows to tell of, and an engine that only records or one that delivers."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from django.db import connection

from caluma_async.events import lifecycle
from caluma_async.events.carriers.base import Carrier, Waiting
from caluma_async.events.emit import emissions, emit
from caluma_async.events.event import EventType
from caluma_async.events.outbox import Claim
from caluma_async.events.receiver import Receiver
from caluma_async.events.telemetry import Kind, Told, listeners
from caluma_async.events.worker import Worker
from caluma_async.identity import User
from caluma_async.testing.factories import make_task, make_workflow
from caluma_async.workflow.models import Case, WorkItem
from caluma_async.workflow.verbs.work_items import CompleteWorkItem

USER = User("ada", groups=["office"])
_TOGETHER = 200


class Nowhere:
    """A carrier that carries nothing: what is recorded stays in the table."""

    owner = None
    enlists = False

    def reserve(self, receiver: Receiver) -> bool:
        """There is no place."""
        return False

    def give_back(self, receiver: Receiver) -> None:
        """There is no place."""

    def enlist(self, waiting: Sequence[Waiting]) -> None:
        """Leave it."""

    def carry(self, claims: Sequence[Claim], waiting: Sequence[Waiting]) -> None:
        """Leave it."""

    def carry_loose(self, claims: Sequence[Claim]) -> None:
        """Drop it."""


NOWHERE: Carrier = Nowhere()


def work_items(number: int) -> list[WorkItem]:
    """So many work items, each in a case of its own."""
    workflow, task = make_workflow("bench"), make_task("bench")
    cases = [Case(workflow=workflow) for _ in range(number)]
    for case in cases:
        case.family_id = case.pk
    Case.objects.bulk_create(cases, batch_size=1_000)
    items = [WorkItem(case=case, task=task, name={"en": "Bench"}) for case in cases]
    WorkItem.objects.bulk_create(items, batch_size=1_000)
    return items


def record(event: EventType, items: Sequence[WorkItem], number: int) -> None:
    """Emit the event so many times, about one item after the other, and let nobody deliver it yet."""
    with lifecycle.using(NOWHERE):
        for first in range(0, number, _TOGETHER):
            with emissions():
                for place in range(first, min(first + _TOGETHER, number)):
                    emit(event, sender=CompleteWorkItem, user=USER, work_item=items[place % len(items)])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


class Delivered:
    """Counts what is delivered; `at` are the moments (`time.perf_counter`) at which it was told."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.at: list[float] = []
        self.unwell: list[Told] = []
        self._all = threading.Event()
        listeners.append(self._hear)

    def _hear(self, told: Told) -> None:
        if told.kind is Kind.DELIVERED:
            self.at.append(time.perf_counter())
            if len(self.at) == self.wanted:
                self._all.set()
        elif told.kind not in {Kind.RECORDED, Kind.STARTED, Kind.BLOCKED}:
            self.unwell.append(told)

    async def everything(self, patience: float = 120) -> None:
        """Wait for the last one. Raises `RuntimeError` if something went wrong on the way."""
        there = await asyncio.to_thread(self._all.wait, patience)
        listeners.remove(self._hear)
        if self.unwell or not there:
            raise RuntimeError(f"{len(self.at)} of {self.wanted} were delivered; {self.unwell[:3]}")


async def drain_rate(wanted: int) -> float:
    """Deliveries per second of a process that starts with so many in the table."""
    delivered = Delivered(wanted)
    worker = Worker()
    gc.collect()
    started = time.perf_counter()
    await worker.start()
    await delivered.everything()
    await worker.stop()
    return wanted / (delivered.at[-1] - started)


@asynccontextmanager
async def delivering() -> AsyncIterator[Any]:
    """This process delivers, as a server does."""
    await lifecycle.start()
    try:
        yield lifecycle.queue.worker
    finally:
        await lifecycle.stop()
