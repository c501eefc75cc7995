"""What holds where a receiver says nothing of itself: attempts, time, threads, transactions, and how long rows stay."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group

from caluma_async.errors import NotStorable
from caluma_async.events import EventType, Retry, asend_event, executor, on
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.receivers import registry
from caluma_async.events.retry import DEFAULT
from caluma_async.events.telemetry import Kind
from tests.integration.engine import delivering, in_thread, rows
from tests.integration.worker_stage import async_append, emit_in_transaction, isolated, painted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


def test_five_attempts_with_pauses_that_double() -> None:
    assert Retry(max_attempts=5, base=1.0, factor=2.0, cap=300.0, jitter=True) == DEFAULT


async def test_a_receiver_that_says_nothing_is_tried_as_often_as_that(painted: EventType) -> None:
    @on(painted)
    async def receiver(wall: str) -> None:
        raise ValueError

    async with delivering() as (worker, heard):
        await asend_event(painted, wall="north")
        for attempt in range(1, DEFAULT.max_attempts):
            await heard.until(Kind.RETRIED, attempt)
            await in_thread(lambda: Delivery.objects.update(available_at=datetime.now(UTC) - timedelta(seconds=1)))
            worker.wake()
        told = await heard.until(Kind.FAILED)
    assert told.attempt == DEFAULT.max_attempts


async def test_the_time_of_an_attempt_is_the_setting_s(painted: EventType, settings: Any) -> None:
    settings.EVENT_TIMEOUT = 0.01

    @on(painted, retry=Retry(max_attempts=1))
    async def receiver(wall: str) -> None:
        await asyncio.Event().wait()

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        told = await heard.until(Kind.FAILED)
    assert "longer than 0.01 seconds" in str(told.error)


async def test_no_more_threads_run_than_the_setting_says(painted: EventType, settings: Any) -> None:
    settings.EVENT_THREADS = 2
    running, most, lock = 0, 0, threading.Lock()

    @on(painted, blocking=False)
    def receiver(wall: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        Group.objects.count()
        with lock:
            running -= 1

    async with delivering() as (_, heard):
        await in_thread(lambda: emit_in_transaction(*[(painted, {"wall": n}) for n in range(30)]))
        await heard.until(Kind.DELIVERED, 30)
    assert 1 <= most <= 2


@pytest.mark.parametrize("said", [None, True, False])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_what_shares_its_transaction_with_its_end(
    painted: EventType, said: bool | None, asynchronous: bool, is_postgres: bool
) -> None:
    options = {} if said is None or (said and asynchronous) else {"transactional": said}

    async def awaited(**kwargs: Any) -> None:
        """Never called here."""

    def threaded(**kwargs: Any) -> None:
        """Never called here."""

    on(painted, name="r", blocking=False, **options)(awaited if asynchronous else threaded)
    receiver = registry.find("r")
    assert receiver is not None
    expected = not asynchronous and (is_postgres if said is None else said)
    assert executor.is_transactional(receiver) == expected


async def test_a_worker_deletes_what_was_delivered_long_ago(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 0.01
    settings.EVENT_RETENTION = 7.0
    on(painted)(async_append([]))
    async with delivering() as (_, heard):
        for wall in ("old", "new"):
            await asend_event(painted, wall=wall)
        await heard.until(Kind.DELIVERED, 2)
    old, new = await rows("id")
    await in_thread(_make_old, old)
    async with delivering(), asyncio.timeout(20):
        while await rows("id") != [new]:
            pass
    assert await in_thread(EventRecord.objects.count) == 1


def _make_old(key: int) -> None:
    """As if it had been emitted and delivered eight days ago."""
    moment = datetime.now(UTC) - timedelta(days=8)
    row = Delivery.objects.get(pk=key)
    aged = UUID(int=int(moment.timestamp() * 1000) << 80 | key)
    EventRecord.objects.filter(pk=row.event_id).update(id=aged)
    Delivery.objects.filter(pk=key).update(event_id=aged, finished_at=moment)


async def test_an_argument_that_cannot_be_kept_is_an_error_at_emission(painted: EventType) -> None:
    on(painted)(async_append([]))
    with pytest.raises(NotStorable, match="wall"):
        await asend_event(painted, wall=object())
    assert await rows("id") == []
    assert await in_thread(EventRecord.objects.count) == 0
