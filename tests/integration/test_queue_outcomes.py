"""What becomes of deliveries that fail, take too long or share their transaction with their acknowledgement."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from caluma_async.events import (
    Discard,
    EventType,
    Retry,
    RetryAfter,
    asend_event,
    executor,
    filter_events,
    on,
    outbox,
)
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from caluma_async.identity import User
from tests.integration.engine import delivering, in_thread, rows
from tests.integration.worker_stage import AT_ONCE, async_append, built, emit_in_transaction, isolated, painted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_failing_receiver_is_retried_and_then_a_dead_letter(painted: EventType, caplog: Any) -> None:
    @on(painted, retry=AT_ONCE)
    async def receiver(wall: str) -> None:
        raise ValueError(f"no {wall}\0")

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.FAILED)
    ((state, attempt, error),) = await rows("state", "attempt", "error")
    assert (state, attempt) == (State.FAILED, 3)
    assert "ValueError: no north\\0" in error
    assert "Traceback" in error
    (failure,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "failed for good at attempt 3" in failure.getMessage()
    assert failure.exc_info is not None
    assert failure.event == "post_painted"


async def test_the_lane_of_a_dead_letter_goes_on(built: EventType) -> None:
    got: list[int] = []

    @on(built, retry=Retry(max_attempts=1))
    async def receiver(floor: int) -> None:
        got.append(floor)
        raise ValueError

    async with delivering() as (_, heard):
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(3)]))
        await heard.until(Kind.FAILED, 3)
    assert got == [0, 1, 2]


async def test_the_lane_of_a_held_delivery_waits(built: EventType) -> None:
    got: list[int] = []

    @on(built, retry=Retry(max_attempts=1), on_exhausted="hold")
    async def receiver(floor: int) -> None:
        got.append(floor)
        raise ValueError

    async with delivering() as (worker, heard):
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(3)]))
        await heard.until(Kind.HELD)
        await worker.until_nothing_is_due()
    assert got == [0]
    assert await rows("state") == [State.HELD, State.WAITING, State.WAITING]


async def test_a_receiver_may_say_itself_when_to_retry(painted: EventType) -> None:
    @on(painted, retry=Retry(base=3600, cap=3600))
    async def receiver(wall: str, event: Any) -> None:
        if event.attempt == 1:
            raise RetryAfter(0)

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert await rows("attempt") == [2]


async def test_a_receiver_may_discard(painted: EventType) -> None:
    @on(painted, blocking=False)
    def receiver(wall: str) -> None:
        raise Discard("not ours")

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DISCARDED)
    assert await rows("state", "error") == [(State.DISCARDED, "not ours")]


class _Stop(BaseException):
    """As libraries have it that want to get past `except Exception`."""


class _Untold(RetryAfter):
    """Does not say after how many seconds."""

    def __init__(self) -> None:
        Exception.__init__(self, "busy")


class _Unspeakable(Discard):
    """Cannot be put into words."""

    def __str__(self) -> str:
        raise ValueError("no words")


ERRORS = [SystemExit(), asyncio.CancelledError(), GeneratorExit(), _Stop(), _Untold(), _Unspeakable()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_no_error_of_a_receiver_harms_the_loop(painted: EventType, error: BaseException) -> None:
    @on(painted, retry=Retry(max_attempts=1))
    async def receiver(wall: str) -> None:
        raise error

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.FAILED)
    assert await rows("state") == [State.FAILED]


@pytest.mark.parametrize("error", [*ERRORS, KeyboardInterrupt()], ids=lambda error: type(error).__name__)
async def test_no_error_of_a_receiver_harms_its_thread(painted: EventType, error: BaseException, settings: Any) -> None:
    settings.EVENT_THREADS = 1
    got: list[str] = []

    @on(painted, blocking=False, retry=AT_ONCE)
    def receiver(wall: str, event: Any) -> None:
        if event.attempt == 1:
            raise error
        got.append(wall)

    async with delivering() as (worker, heard):
        await asend_event(painted, wall="north")
        await worker.until_nothing_is_due()
        await heard.until_there_are(1, Kind.DELIVERED, Kind.DISCARDED)
    assert got == ["north"]
    assert await rows("state", "attempt") == [(State.DELIVERED, 2)]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300])
async def test_a_retry_after_no_time_at_all_holds_nothing_up(painted: EventType, seconds: float) -> None:
    got: list[str] = []

    @on(painted, retry=AT_ONCE)
    async def receiver(wall: str) -> None:
        if wall == "north":
            raise RetryAfter(seconds)
        got.append(wall)

    async with delivering() as (worker, heard):
        await asend_event(painted, wall="north")
        await asend_event(painted, wall="south")
        await heard.until(Kind.DELIVERED)
        await worker.until_nothing_is_due()
    assert got == ["south"]
    assert await rows("state") == [State.FAILED, State.DELIVERED]


async def test_an_attempt_that_takes_too_long_fails(painted: EventType) -> None:
    @on(painted, timeout=0.01, retry=Retry(max_attempts=1))
    async def receiver(wall: str) -> None:
        await asyncio.Event().wait()

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        told = await heard.until(Kind.FAILED)
    assert "longer than 0.01 seconds" in str(told.error)


async def test_a_time_out_of_the_receivers_own_is_its_own(painted: EventType) -> None:
    @on(painted, retry=Retry(max_attempts=1))
    async def receiver(wall: str) -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        told = await heard.until(Kind.FAILED)
    assert isinstance(told.error, TimeoutError)


async def test_a_thread_that_takes_too_long_is_warned_of_and_holds_nobody_else_up(built: EventType) -> None:
    release = threading.Event()

    @on(built, blocking=False, timeout=0.01)
    def receiver(house: int) -> None:
        if house == 1:
            release.wait(10)

    async with delivering() as (_, heard):
        await asend_event(built, house=1, floor=0)
        await heard.until(Kind.OVERDUE)
        await asend_event(built, house=2, floor=0)
        await heard.until(Kind.DELIVERED)
        release.set()
        await heard.until(Kind.DELIVERED, 2)


async def test_what_a_receiver_emits_is_caused_by_its_event(painted: EventType) -> None:
    events: dict[str, Any] = {}
    dried = EventType("post_dried", arguments=())

    @on(painted)
    async def first(wall: str, event: Any) -> None:
        events["painted"] = event
        await asend_event(dried)

    @on(dried, blocking=False)
    def second(event: Any) -> None:
        events["dried"] = event

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north", user=User("ada"))
        await heard.until(Kind.DELIVERED, 2)
    cause, effect = events["painted"], events["dried"]
    assert (effect.causation_id, effect.correlation_id) == (cause.id, cause.correlation_id)
    assert effect.chain == ("post_painted", "post_dried")
    assert effect.user == User("ada")


async def test_filters_are_asked_when_the_event_is_emitted_only(painted: EventType) -> None:
    asked: list[int] = []
    got: list[str] = []

    @on(painted)
    @filter_events(lambda wall: asked.append(1) or wall != "south")
    async def receiver(wall: str) -> None:
        got.append(wall)

    async with delivering() as (worker, heard):
        for wall in ("north", "south"):
            await asend_event(painted, wall=wall)
        await heard.until(Kind.DELIVERED)
        await worker.idle()
    assert (got, len(asked)) == (["north"], 2)
    assert len(await rows("id")) == 1


async def test_a_failing_filter_is_a_failed_delivery(painted: EventType) -> None:
    @on(painted)
    @filter_events(lambda wall: wall.no_such)
    async def receiver(wall: str) -> None:
        raise AssertionError("never")

    async with delivering() as (worker, _):
        await asend_event(painted, wall="north")
        await worker.until_nothing_is_due()
    ((state, error),) = await rows("state", "error")
    assert state == State.FAILED
    assert "no_such" in error


@pytest.mark.postgres
async def test_a_def_receiver_and_its_acknowledgement_are_one_transaction(painted: EventType) -> None:
    attempts: list[int] = []

    @on(painted, blocking=False, retry=AT_ONCE)
    def receiver(wall: str, event: Any) -> None:
        assert connection.in_atomic_block
        Group.objects.create(name=f"{wall} {event.attempt}")
        attempts.append(event.attempt)
        if event.attempt == 1:
            raise ValueError

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert attempts == [1, 2]
    assert [group.name async for group in Group.objects.all()] == ["north 2"]


@pytest.mark.postgres
async def test_a_def_receiver_that_ends_its_transaction_is_named(painted: EventType, caplog: Any) -> None:
    @on(painted, blocking=False, name="committing")
    def receiver(wall: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("COMMIT")

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert "committing ended its transaction itself: it may be repeated after a crash." in caplog.text


@pytest.mark.postgres
async def test_a_def_receiver_that_asks_the_database_nothing_ends_no_transaction(
    painted: EventType, caplog: Any
) -> None:
    @on(painted, blocking=False)
    def receiver(wall: str) -> None:
        assert connection.in_atomic_block

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert "ended its transaction" not in caplog.text


@pytest.mark.postgres
async def test_what_a_def_receiver_did_under_an_outdated_claim_is_undone(painted: EventType) -> None:
    @on(painted, blocking=False)
    def receiver(wall: str, event: Any) -> None:
        Group.objects.create(name=f"attempt {event.attempt}")
        if event.attempt == 1:
            with_new_connection("UPDATE events_delivery SET claims = claims + 1")

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.LOST)
    assert [group.name async for group in Group.objects.all()] == []
    assert await rows("state") == [State.RUNNING]


def with_new_connection(statement: str) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(statement)
    finally:
        other.close()


@pytest.mark.postgres
async def test_a_def_receiver_that_hides_a_database_error_has_failed(painted: EventType) -> None:
    @on(painted, blocking=False, retry=Retry(max_attempts=1))
    def receiver(wall: str) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")
        except Exception:  # noqa: BLE001, S110
            pass

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        told = await heard.until(Kind.FAILED)
    assert "hides a database error" in str(told.error)


async def test_a_def_receiver_may_do_without_a_transaction(painted: EventType) -> None:
    seen: list[bool] = []

    @on(painted, blocking=False, transactional=False)
    def receiver(wall: str) -> None:
        seen.append(connection.in_atomic_block)

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert seen == [False]


@pytest.mark.postgres
@pytest.mark.parametrize("asks", [True, False])
async def test_only_a_receiver_that_asked_the_database_is_acknowledged_in_its_transaction(
    painted: EventType, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    by: list[str] = []
    together: list[int] = []
    settle, settle_many = executor.settle, outbox.settle

    def alone(results: Any, *more: Any) -> Any:
        by.append(threading.current_thread().name.partition("-")[2])
        return settle(results, *more)

    def many(results: Any, *more: Any) -> Any:
        if results:
            together.append(len(results))
        return settle_many(results, *more)

    monkeypatch.setattr(executor, "settle", alone)
    monkeypatch.setattr(outbox, "settle", many)

    @on(painted, blocking=False)
    def receiver(wall: str) -> None:
        if asks:
            Group.objects.create(name=wall)

    async with delivering() as (worker, heard):
        await in_thread(lambda: emit_in_transaction((painted, {"wall": "north"}), (painted, {"wall": "south"})))
        await heard.until(Kind.DELIVERED, 2)
        await worker.idle()
    assert await rows("state", "attempt") == [(State.DELIVERED, 1)] * 2
    assert (len(by), sum(together)) == ((2, 0) if asks else (0, 2))
    assert all(name.startswith("receiver") for name in by)
