"""Claims that outlive what they were made for: somebody else may have the delivery, and nothing runs beside itself."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from caluma_async.events import EventType, Retry, asend_event, clerk, lifecycle, on, send_event, writer
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.carriers.parked import Parked
from caluma_async.events.models import Delivery
from caluma_async.events.registry import registry
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from caluma_async.events.worker import Worker
from tests.integration.engine import delivering, in_thread, rows
from tests.integration.worker_stage import async_append, built, emit_in_transaction, isolated, painted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_a_slow_handler_of_the_commit_kept_back_runs_once(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 3600
    got: list[str] = []
    on(painted)(async_append(got))
    committed, go_on = threading.Event(), threading.Event()

    def keep_back() -> None:
        committed.set()
        assert go_on.wait(20)

    def emit() -> None:
        try:
            with transaction.atomic():
                transaction.on_commit(keep_back)
                send_event(painted, wall="north")
        finally:
            connections.close_all()

    async with delivering() as (worker, heard):
        await worker.until_nothing_is_due()
        emitting = asyncio.create_task(asyncio.to_thread(emit))
        await asyncio.to_thread(committed.wait, 20)
        await _poll(worker)
        await _poll(worker)  # twice it was in a hand that does not know of it
        worker.wake()
        await heard.until(Kind.DELIVERED)
        go_on.set()
        await emitting
        await worker.until_nothing_is_due()
        assert worker.rooms["async"].taken == 0
    assert got == ["north"]
    assert await rows("state", "attempt", "claims") == [(State.DELIVERED, 1, 2)]


async def _poll(worker: Worker) -> None:
    await asyncio.get_running_loop().run_in_executor(worker._clerk_desk, worker._keep_order)
    await worker.idle()


async def test_what_was_recorded_in_hand_long_ago_is_claimed_anew(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 3600
    got: list[str] = []
    on(painted)(async_append(got))

    async with delivering() as (worker, heard):
        await worker.until_nothing_is_due()
        worker.hand = replace(worker.hand, lease=0.0)  # so that every transaction takes longer than half of it
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
        await worker.idle()
        assert worker.rooms["async"].taken == 0
    assert got == ["north"]
    assert await rows("state", "attempt", "claims") == [(State.DELIVERED, 1, 2)]


@pytest.mark.parametrize("lease", [60.0, 0.0], ids=["in time", "late"])
async def test_a_receiver_that_goes_before_the_commit_leaves_its_place_in_its_own_room(
    painted: EventType, settings: Any, lease: float
) -> None:
    settings.EVENT_POLL = 3600
    on(painted)(async_append([]))
    reserved: list[int] = []

    def emit(worker: Worker) -> None:
        with transaction.atomic():
            send_event(painted, wall="north")
            reserved.extend(room.taken for room in worker.rooms.values())
            registry._receivers = []

    async with delivering() as (worker, _):
        await worker.until_nothing_is_due()
        worker.hand = replace(worker.hand, lease=lease)
        await in_thread(emit, worker)
        await worker.idle()
        assert [room.taken for room in worker.rooms.values()] == [0, 0]
    assert reserved == [1, 0]
    assert await rows("state", "attempt") == [(State.WAITING, 0)]


async def test_an_attempt_that_lost_its_claim_takes_none_from_the_next_one(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 0.01
    running: list[asyncio.Event] = []
    second_runs = asyncio.Event()

    @on(painted)
    async def receiver(wall: str) -> None:
        running.append(asyncio.Event())
        if len(running) == 2:
            second_runs.set()
        await running[-1].wait()

    async with delivering() as (worker, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.STARTED)
        await in_thread(lambda: Delivery.objects.update(state=State.WAITING, owner=None, lease_until=None))
        await second_runs.wait()
        running[0].set()
        await heard.until(Kind.LOST)
        assert [fence.claims for fence in worker._fences()] == [2]
        running[1].set()
        await heard.until(Kind.DELIVERED)
        await worker.idle()
    assert len(running) == 2


async def test_a_lane_goes_on_without_a_look_when_the_answer_of_a_settlement_got_lost(
    built: EventType, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_POLL = 3600
    monkeypatch.setattr(writer, "_PAUSE", 0.001)
    settle, got, lost = clerk.outbox.settle, [], iter([True])

    @on(built)
    async def receiver(floor: int) -> None:
        got.append(floor)

    def losing(results: Any, behind: Any = ()) -> Any:
        settled = settle(results, behind)
        if any(result.state is State.DELIVERED for result in results) and next(lost, False):
            raise OperationalError("injected after")
        return settled

    monkeypatch.setattr(clerk.outbox, "settle", losing)
    async with delivering() as (worker, heard):
        await worker.until_nothing_is_due()
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(4)]))
        await heard.until(Kind.DELIVERED, 3)
        await worker.idle()
    assert got == [0, 1, 2, 3]
    assert set(await rows("state")) == {State.DELIVERED}


async def test_after_a_fault_a_process_without_a_lifespan_still_takes_nothing_of_others(
    painted: EventType, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE", 0.001)
    got: list[str] = []
    on(painted, retry=Retry(base=0.001))(async_append(got))
    take, faults = clerk.outbox.take, iter([True])

    def failing(ids: Any, hand: Any) -> Any:
        if ids and next(faults, False):
            raise OperationalError("injected before")
        return take(ids, hand)

    with lifecycle.using(Parked()):
        await asend_event(painted, wall="theirs")
    monkeypatch.setattr(clerk.outbox, "take", failing)
    queue = AsyncioQueue()
    with lifecycle.using(queue):
        await asend_event(painted, wall="ours")
        await asyncio.to_thread(queue.drain)
    assert next(faults, None) is None
    assert got == ["ours"]
    assert await rows("state") == [State.WAITING, State.DELIVERED]
