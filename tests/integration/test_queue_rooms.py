"""How much a worker takes on, what it finds when it starts and leaves when it stops, and what faults cost it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, transaction

from caluma_async.events import (
    Event,
    EventType,
    Retry,
    asend_event,
    clerk,
    on,
    recorder,
    send_event,
)
from caluma_async.events.models import Delivery
from caluma_async.events.receivers import registry
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from caluma_async.events.worker import Worker
from tests.integration.engine import delivering, in_thread, rows
from tests.integration.worker_stage import AT_ONCE, alone, async_append, built, emit_in_transaction, isolated, painted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_has_no_row_is_delivered_too(painted: EventType) -> None:
    got: list[str] = []
    on(painted, durable=False)(async_append(got))
    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]
    assert await rows("id") == []


async def test_what_has_no_row_is_dropped_when_the_queue_is_full(
    alone: None, painted: EventType, settings: Any, caplog: Any
) -> None:
    settings.EVENT_QUEUE_SIZE = 2
    settings.EVENT_CONCURRENCY = 1
    release = asyncio.Event()

    @on(painted, durable=False)
    async def receiver(wall: int) -> None:
        await release.wait()

    async with delivering() as (worker, heard):
        await asend_event(painted, wall=0)
        await heard.until(Kind.STARTED)
        await in_thread(lambda: emit_in_transaction(*[(painted, {"wall": n}) for n in range(5)]))
        assert len(heard.of(Kind.DROPPED)) == 3
        release.set()
        await heard.until(Kind.DELIVERED, 3)
        await worker.idle()
    assert sum("is dropped" in record.getMessage() for record in caplog.records) == 1


async def test_no_more_run_at_once_than_there_is_room_for(alone: None, painted: EventType, settings: Any) -> None:
    settings.EVENT_CONCURRENCY = 3
    running, most, full = 0, 0, asyncio.Event()

    @on(painted)
    async def receiver(wall: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()
        running -= 1

    async with delivering() as (worker, heard):
        await in_thread(lambda: emit_in_transaction(*[(painted, {"wall": n}) for n in range(20)]))
        await heard.until(Kind.DELIVERED, 20)
        await worker.idle()
        assert worker.rooms["async"].taken == 0
    assert most == 3


async def test_a_worker_delivers_what_was_left_before_it_started(built: EventType) -> None:
    got: list[int] = []

    @on(built)
    async def receiver(floor: int) -> None:
        got.append(floor)

    await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(15)]))
    async with delivering() as (worker, _):
        await worker.until_nothing_is_due()
    assert got == list(range(15))


async def test_polling_finds_what_a_failing_handler_kept_from_the_carrier(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 0.01
    got: list[str] = []
    on(painted)(async_append(got))

    def emit() -> None:
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            transaction.on_commit(lambda: 1 / 0)
            send_event(painted, wall="north")

    async with delivering() as (worker, heard):
        await in_thread(emit)
        await heard.until(Kind.DELIVERED)
    gc.collect()  # the failed request is forgotten, and with it the place that it had reserved
    assert worker.rooms["async"].taken == 0
    assert got == ["north"]


async def test_a_recording_that_fails_gives_its_place_back(painted: EventType, monkeypatch: Any) -> None:
    on(painted)(async_append([]))

    def failing(*arguments: Any, **options: Any) -> Any:
        raise OperationalError("injected")

    monkeypatch.setattr(recorder.outbox, "record", failing)
    async with delivering() as (worker, _):
        await worker.until_nothing_is_due()
        for _ in range(3):
            with pytest.raises(OperationalError):
                await asend_event(painted, wall="north")
        gc.collect()
        assert worker.rooms["async"].taken == 0


async def test_rows_of_unknown_receivers_wait_and_are_told_of_once(painted: EventType, caplog: Any) -> None:
    with registry.isolated():
        on(painted, name="gone")(async_append([]))
        await asend_event(painted, wall="north")
    async with delivering() as (worker, heard):
        await heard.until(Kind.UNKNOWN)
        await worker.until_nothing_is_due()
    assert await rows("state", "receiver") == [(State.WAITING, "gone")]
    assert sum("wait for gone" in record.getMessage() for record in caplog.records) == 1


async def test_a_receiver_is_found_by_its_former_name(painted: EventType) -> None:
    with registry.isolated():
        on(painted, name="old")(async_append([]))
        await asend_event(painted, wall="north")
    got: list[str] = []
    on(painted, name="new", aliases=["old"])(async_append(got))
    async with delivering() as (worker, _):
        await worker.until_nothing_is_due()
    assert got == ["north"]


async def test_stopping_lets_what_runs_finish_and_gives_the_rest_back(built: EventType) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    @on(built)
    async def receiver(floor: int) -> None:
        started.set()
        await release.wait()

    async with delivering() as (worker, _):
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(3)]))
        await started.wait()
        stopping = asyncio.create_task(worker.stop(10))
        await asyncio.sleep(0)
        release.set()
        await stopping
        await worker.stop(10)
    assert await rows("state", "attempt") == [(State.DELIVERED, 1), (State.WAITING, 0), (State.WAITING, 0)]


async def test_what_does_not_finish_while_draining_is_given_back(painted: EventType) -> None:
    cancelled: list[str] = []

    @on(painted)
    async def receiver(wall: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(wall)
            raise

    async with delivering() as (worker, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.STARTED)
        await worker.stop(0)
    assert cancelled == ["north"]
    assert await rows("state", "attempt", "owner") == [(State.WAITING, 1, None)]


async def test_what_is_committed_while_draining_waits_for_another_process(painted: EventType) -> None:
    on(painted)(async_append([]))
    async with delivering() as (worker, _):
        await worker.stop()
        await asend_event(painted, wall="north")
    assert await rows("state", "attempt") == [(State.WAITING, 0)]


async def test_stopping_before_starting_does_nothing() -> None:
    await Worker().stop()


async def test_a_failing_statement_loses_nothing(built: EventType, monkeypatch: Any) -> None:
    got: list[int] = []
    settle = clerk.outbox.settle
    failures = iter([OperationalError("injected before"), None, None])

    @on(built)
    async def receiver(floor: int) -> None:
        got.append(floor)

    def failing(results: Any, behind: Any = ()) -> Any:
        if results and (failure := next(failures, None)):
            raise failure
        return settle(results, behind)

    monkeypatch.setattr(clerk.outbox, "settle", failing)
    async with delivering() as (worker, heard):
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(4)]))
        await heard.until(Kind.DELIVERED, 4)
        await worker.idle()
        assert worker.rooms["async"].taken == 0
    assert got == [0, 1, 2, 3]
    assert [told.reason for told in heard.of(Kind.STUMBLED)] == ["writing"]


async def test_a_claim_whose_answer_got_lost_is_given_back(painted: EventType, monkeypatch: Any, settings: Any) -> None:
    settings.EVENT_POLL = 0.01
    take = clerk.outbox.take
    lost = iter([True])
    got: list[str] = []
    on(painted)(async_append(got))

    def losing(ids: Any, hand: Any) -> Any:
        claims = take(ids, hand)
        if claims and next(lost, False):
            raise ConnectionError("injected after")
        return claims

    await asend_event(painted, wall="north")
    monkeypatch.setattr(clerk.outbox, "take", losing)
    async with delivering() as (_, heard):
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]
    assert await rows("attempt", "claims", "crashes") == [(1, 2, 0)]


async def test_one_delivery_that_cannot_be_loaded_harms_no_other(painted: EventType) -> None:
    got: list[str] = []
    on(painted, retry=Retry(max_attempts=1))(async_append(got))
    await asend_event(painted, wall="good")
    await asend_event(painted, wall="bad")

    def spoil() -> None:
        bad = Delivery.objects.latest("id").event
        bad.arguments = '{"wall": {"$": ["object", "no.suchmodel", "key"]}}'
        bad.save()

    await in_thread(spoil)
    async with delivering() as (worker, heard):
        await heard.until(Kind.FAILED)
        await worker.until_nothing_is_due()
    assert got == ["good"]
    assert await rows("state") == [State.DELIVERED, State.FAILED]


async def test_what_the_database_refuses_to_note_fails_and_holds_nothing_up(
    painted: EventType, monkeypatch: Any
) -> None:
    settle = clerk.outbox.settle

    def refusing(results: Any, behind: Any = ()) -> Any:
        if any(result.error and "unspeakable" in result.error for result in results):
            raise ValueError("cannot be written: \ud800")
        return settle(results, behind)

    @on(painted)
    async def receiver(wall: str) -> None:
        if wall == "bad":
            raise ValueError("unspeakable")

    monkeypatch.setattr(clerk.outbox, "settle", refusing)
    for wall in ("good", "bad", "fine"):
        await asend_event(painted, wall=wall)
    async with delivering() as (worker, _):
        await worker.until_nothing_is_due()
    assert await rows("state") == [State.DELIVERED, State.FAILED, State.DELIVERED]
    assert "could not be written down" in (await rows("error"))[1]


@pytest.mark.parametrize("blocking", [None, False])
async def test_an_attempt_is_counted_when_its_receiver_is_called_also_behind_another_one(
    built: EventType, blocking: bool | None
) -> None:
    seen: list[tuple[int, bool]] = []

    def look(event: Event) -> None:
        row = Delivery.objects.get(event_id=event.id)
        seen.append((row.attempt, row.started_at is None))

    if blocking is None:

        @on(built)
        async def receiver(event: Event) -> None:
            await sync_to_async(look)(event)
    else:

        @on(built, blocking=False)
        def receiver_in_thread(event: Event) -> None:
            look(event)

    await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": number}) for number in range(4)]))
    async with delivering() as (_, heard):
        await heard.until(Kind.DELIVERED, 4)
    assert seen == [(1, False)] * 4
    assert await rows("attempt", "claims") == [(1, 1)] * 4
