"""How a process begins and ends to deliver, keeps what it has in hand, and takes over from those that died."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection, connections, transaction

from caluma_async.events import EventType, Retry, asend_event, lifecycle, on, outbox, recovery, send_event
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.models import Delivery
from caluma_async.events.outbox import Hand, upkeep
from caluma_async.events.receivers import registry
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind, Told, listeners
from caluma_async.events.worker import Worker
from tests.integration.engine import delivering, in_thread, rows

pytestmark = pytest.mark.django_db(transaction=True)

DEAD = Hand(owner=4711, lease=60)


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def painted() -> EventType:
    return EventType("post_painted", arguments=("wall",))


@pytest.fixture
def got(painted: EventType) -> list[str]:
    """What an `async def` receiver got."""
    walls: list[str] = []

    @on(painted)
    async def receiver(wall: str) -> None:
        walls.append(wall)

    return walls


@pytest.fixture
def queue() -> Iterator[AsyncioQueue]:
    """A carrier as a process has it that no lifespan has started."""
    queue = AsyncioQueue()
    with lifecycle.using(queue):
        yield queue
    queue.drain(0)


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def test_a_process_without_a_lifespan_delivers_what_it_emits(
    painted: EventType, got: list[str], queue: AsyncioQueue
) -> None:
    send_event(painted, wall="north")
    send_event(painted, wall="south")
    queue.drain()
    assert sorted(got) == ["north", "south"]
    assert states() == [State.DELIVERED, State.DELIVERED]


def test_a_process_without_a_lifespan_delivers_nothing_that_others_emitted(
    painted: EventType, got: list[str], queue: AsyncioQueue
) -> None:
    with lifecycle.using(_Nowhere()):
        send_event(painted, wall="theirs")
    send_event(painted, wall="ours")
    queue.drain()
    assert got == ["ours"]
    assert states() == [State.WAITING, State.DELIVERED]


class _Nowhere(AsyncioQueue):
    def carry(self, *arguments: Any) -> None:
        """Leave it in the table."""


def test_lanes_hold_without_a_lifespan(queue: AsyncioQueue) -> None:
    built = EventType("post_built", arguments=("floor",), lane=lambda arguments: "house")
    seen: list[int] = []

    @on(built, blocking=False)
    def receiver(floor: int) -> None:
        seen.append(floor)

    with transaction.atomic():
        for floor in range(25):
            send_event(built, floor=floor)
    for floor in range(25, 30):
        send_event(built, floor=floor)
    queue.drain()
    assert seen == list(range(30))


def test_what_is_to_be_retried_stays_in_the_table_when_a_process_ends(painted: EventType, queue: AsyncioQueue) -> None:
    @on(painted, retry=Retry(base=3600, cap=3600))
    async def receiver(wall: str) -> None:
        raise ValueError

    send_event(painted, wall="north")
    queue.drain()
    assert states() == [State.WAITING]


def test_draining_twice_or_before_anything_was_emitted_does_nothing(queue: AsyncioQueue) -> None:
    queue.drain()
    queue.drain()
    assert queue.worker is None


def test_a_process_may_go_on_after_it_has_drained(painted: EventType, got: list[str], queue: AsyncioQueue) -> None:
    for wall in ("north", "south"):
        send_event(painted, wall=wall)
        queue.drain()
    assert got == ["north", "south"]


def test_a_management_command_ends_when_what_it_emitted_is_delivered(painted: EventType, got: list[str]) -> None:
    class Paint(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            send_event(painted, wall="north")

    with lifecycle.using(lifecycle.queue):
        call_command(Paint())
    assert got == ["north"]


def test_after_a_fork_the_child_has_a_carrier_of_its_own(
    painted: EventType, got: list[str], queue: AsyncioQueue
) -> None:
    send_event(painted, wall="north")
    parents = queue.worker
    child = AsyncioQueue.__new__(AsyncioQueue)
    child.__dict__.update(queue.__dict__)
    child.forget()
    assert parents is not None
    assert (child.worker, child.owner) == (None, None)


async def test_a_server_takes_over_from_the_loop_in_a_thread(painted: EventType, got: list[str]) -> None:
    queue = AsyncioQueue()
    with lifecycle.using(queue):
        await asend_event(painted, wall="early")
        assert queue.worker is not None
        assert queue.worker.own_only
        await queue.start()
        assert not queue.worker.own_only
        await asend_event(painted, wall="late")
        await queue.worker.until_nothing_is_due()
        await queue.stop()
        await queue.stop()
    assert sorted(got) == ["early", "late"]


@pytest.mark.postgres
async def test_what_was_recorded_in_the_hand_of_that_loop_runs_once(painted: EventType, got: list[str]) -> None:
    queue, recorded, go_on = AsyncioQueue(), threading.Event(), threading.Event()

    def emit() -> None:
        try:
            with transaction.atomic():
                send_event(painted, wall="late")
                recorded.set()
                assert go_on.wait(20)
        finally:
            connections.close_all()

    with lifecycle.using(queue):
        await asend_event(painted, wall="early")
        async with asyncio.timeout(20):
            while await rows("state") != [State.DELIVERED]:
                pass
        emitting = asyncio.create_task(asyncio.to_thread(emit))
        await asyncio.to_thread(recorded.wait, 20)
        await queue.start()
        go_on.set()
        await emitting
        assert queue.worker is not None
        await queue.worker.until_nothing_is_due()
        assert [room.taken for room in queue.worker.rooms.values()] == [0, 0]
        await queue.stop()
    assert got == ["early", "late"]
    assert await rows("state", "attempt", "claims", "crashes") == [
        (State.DELIVERED, 1, 1, 0),
        (State.DELIVERED, 1, 2, 0),
    ]


async def test_recovery_does_not_depend_on_what_can_wait(
    painted: EventType, got: list[str], settings: Any, monkeypatch: Any
) -> None:
    settings.EVENT_POLL = 0.01

    def failing(days: float) -> int:
        raise OperationalError("injected")

    monkeypatch.setattr(recovery.outbox, "prune", failing)
    with lifecycle.using(_Nowhere()):
        await asend_event(painted, wall="north")
    (key,) = await rows("id")
    await in_thread(outbox.take, [key], Hand(owner=-1, lease=-1))
    async with delivering() as (_, heard):
        await heard.until(Kind.RECOVERED)
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]


async def test_the_lifespan_starts_and_stops_the_worker(settings: Any) -> None:
    await lifecycle.start()
    assert lifecycle.queue.owner is not None
    await lifecycle.stop()
    assert lifecycle.queue.owner is None


@pytest.mark.parametrize(("name", "value"), [("EVENT_DELIVERS", False), ("EVENT_CARRIER", "inline")])
async def test_the_lifespan_starts_no_worker_where_none_is_wanted(settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    await lifecycle.start()
    assert lifecycle.queue.worker is None
    await lifecycle.stop()


def test_the_autoreloaders_parent_delivers_nothing(monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.argv", ["manage.py", "runserver"])
    monkeypatch.delenv("RUN_MAIN", raising=False)
    assert lifecycle.is_autoreloader()
    monkeypatch.setenv("RUN_MAIN", "true")
    assert not lifecycle.is_autoreloader()


@pytest.mark.postgres
async def test_a_process_that_does_not_deliver_tells_one_that_does(
    painted: EventType, got: list[str], settings: Any
) -> None:
    settings.EVENT_POLL = 3600
    async with delivering() as (worker, heard):
        await worker.until_nothing_is_due()
        settings.EVENT_DELIVERS = False
        with lifecycle.using(AsyncioQueue()):
            await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]


async def test_without_anybody_who_delivers_rows_wait(painted: EventType, got: list[str], settings: Any) -> None:
    settings.EVENT_DELIVERS = False
    queue = AsyncioQueue()
    with lifecycle.using(queue):
        await asend_event(painted, wall="north")
    assert queue.worker is None
    assert await rows("state") == [State.WAITING]


async def test_leases_are_extended_while_a_receiver_runs(painted: EventType, settings: Any) -> None:
    settings.EVENT_LEASE = 1
    release = asyncio.Event()

    @on(painted)
    async def receiver(wall: str) -> None:
        await release.wait()

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.STARTED)
        (before,) = await rows("lease_until")
        await heard.until(Kind.EXTENDED)
        (after,) = await rows("lease_until")
        release.set()
        await heard.until(Kind.DELIVERED)
    assert after > before


async def test_a_receiver_that_blocks_the_loop_is_named_and_loses_no_lease(
    painted: EventType, settings: Any, caplog: Any
) -> None:
    settings.EVENT_LEASE = 1
    settings.EVENT_SLOW_RECEIVER = 0.01
    told, extended = threading.Event(), threading.Event()

    def listen(one: Told) -> None:
        (told.set() if one.kind is Kind.BLOCKED else None, extended.set() if one.kind is Kind.EXTENDED else None)

    @on(painted, name="blocker")
    async def receiver(wall: str) -> None:
        assert told.wait(20)
        assert extended.wait(20)

    listeners.append(listen)
    try:
        async with delivering() as (_, heard):
            await asend_event(painted, wall="north")
            await heard.until(Kind.DELIVERED)
    finally:
        listeners.remove(listen)
    (warning,) = [record.getMessage() for record in caplog.records if "blocks the event loop" in record.getMessage()]
    assert warning.startswith("blocker #")
    assert "told.wait(20)" in warning


@pytest.mark.postgres
async def test_what_a_dead_process_had_in_hand_is_free_at_once(
    painted: EventType, got: list[str], settings: Any, monkeypatch: Any
) -> None:
    settings.EVENT_POLL = 0.01
    monkeypatch.setattr(recovery, "GRACE", 0)
    with lifecycle.using(_Nowhere()):
        await asend_event(painted, wall="north")
    (key,) = await rows("id")
    await in_thread(outbox.take, [key], DEAD)
    async with delivering() as (_, heard):
        await heard.until(Kind.RECOVERED)
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]
    assert await rows("attempt", "crashes") == [(2, 1)]


async def test_what_is_left_of_a_lease_that_ended_is_taken(painted: EventType, got: list[str], settings: Any) -> None:
    settings.EVENT_POLL = 0.01
    with lifecycle.using(_Nowhere()):
        await asend_event(painted, wall="north")
    (key,) = await rows("id")
    await in_thread(outbox.take, [key], Hand(owner=-1, lease=-1))
    async with delivering() as (_, heard):
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]


@pytest.mark.postgres
def test_a_process_seems_dead_for_a_while_before_it_counts_as_dead(painted: EventType, got: list[str]) -> None:
    with lifecycle.using(_Nowhere()):
        send_event(painted, wall="north")
    outbox.take([Delivery.objects.get().pk], DEAD)
    assert not recovery.Recovery().recover([])
    assert states() == [State.RUNNING]


@pytest.mark.postgres
async def test_a_process_proves_again_that_it_lives_when_its_session_broke(painted: EventType) -> None:
    release = asyncio.Event()

    @on(painted)
    async def receiver(wall: str) -> None:
        await release.wait()

    async with delivering() as (worker, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.STARTED)
        await in_thread(_end_session_of, worker.hand.owner)
        await heard.until(Kind.RESUMED)
        assert await in_thread(outbox.dead_owners) == set()
        release.set()
        await heard.until(Kind.DELIVERED)
    assert await rows("claims") == [1]


def _end_session_of(owner: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND classid = %s AND objid = %s",
            [upkeep.OWNER_LOCKS, owner],
        )


@pytest.mark.postgres
async def test_every_session_of_a_worker_may_break(painted: EventType, got: list[str]) -> None:
    async with delivering() as (worker, heard):
        for number, wall in enumerate(("one", "two", "three"), start=1):
            await asend_event(painted, wall=wall)
            await heard.until(Kind.DELIVERED, number)
            await worker.idle()
            await in_thread(_end_other_sessions)
        await heard.until(Kind.RESUMED)
    assert got == ["one", "two", "three"]


def _end_other_sessions() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_two_workers_on_one_database_share_the_work(settings: Any) -> None:
    settings.EVENT_CONCURRENCY = 4
    built = EventType("post_built", arguments=("house", "floor"), lane=lambda arguments: str(arguments["house"]))
    seen: list[tuple[int, int]] = []
    running: set[int] = set()

    @on(built)
    async def receiver(house: int, floor: int) -> None:
        assert house not in running
        running.add(house)
        seen.append((house, floor))
        await asyncio.sleep(0)
        running.discard(house)

    def emit() -> None:
        with lifecycle.using(_Nowhere()), transaction.atomic():
            for number in range(200):
                send_event(built, house=number % 10, floor=number // 10)

    await in_thread(emit)
    other = Worker()
    async with delivering() as (worker, _):
        await other.start()
        await asyncio.gather(worker.until_nothing_is_due(), other.until_nothing_is_due())
        await worker.until_nothing_is_due()
        await other.stop()
    for house in range(10):
        assert [floor for one, floor in seen if one == house] == list(range(20))
    assert set(await rows("state")) == {State.DELIVERED}


async def test_the_garbage_collector_passes_over_what_was_loaded_before_the_first_start() -> None:
    await lifecycle.start()
    await lifecycle.stop()
    before = gc.get_freeze_count()
    assert before > 0
    assert gc.get_threshold()[0] >= 5_000  # and does not come for a few objects that are new
    later: list[list[None]] = [[] for _ in range(1_000)]
    await lifecycle.start()
    await lifecycle.stop()
    assert gc.get_freeze_count() <= before + len(later) // 2
