"""What a worker promises: after the commit, concurrently, each with objects of its own, in order where it matters."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction

from caluma_async.events import (
    Discard,
    EventType,
    Retry,
    RetryAfter,
    asend_event,
    clerk,
    filter_events,
    on,
    send_event,
)
from caluma_async.events.loading import at_hand
from caluma_async.events.models import Delivery
from caluma_async.events.receivers import registry
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from caluma_async.events.worker import Worker
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import WorkItem
from tests.integration.engine import delivering, in_thread, rows

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = Retry(max_attempts=3, base=0, jitter=False)


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def painted() -> EventType:
    """An event without a lane."""
    return EventType("post_painted", arguments=("wall",))


@pytest.fixture
def built() -> EventType:
    """An event with a lane per house."""
    return EventType("post_built", arguments=("house", "floor"), lane=lambda arguments: f"house:{arguments['house']}")


def emit_in_transaction(*events: tuple[EventType, dict[str, Any]], fail: bool = False) -> None:
    with transaction.atomic():
        for event, arguments in events:
            send_event(event, **arguments)
        if fail:
            transaction.set_rollback(True)


async def test_an_async_receiver_runs_after_the_commit_and_its_row_is_delivered(painted: EventType) -> None:
    got: list[Any] = []

    @on(painted)
    async def receiver(wall: str, sender: Any, user: User, context: Any, event: Any) -> None:
        got.append((wall, sender, user, context, event.name, event.attempt))

    async with delivering() as (worker, heard):
        await asend_event(painted, "me", user=User("ada", token="secret"), context={"a": [1]}, wall="north")
        await heard.until(Kind.DELIVERED)
        await worker.idle()
    assert got == [("north", "me", User("ada"), {"a": [1]}, "post_painted", 1)]
    assert got[0][2].token is None
    assert await rows("state", "attempt", "claims") == [(State.DELIVERED, 1, 1)]


async def test_nothing_runs_before_the_commit(painted: EventType) -> None:
    got: list[str] = []
    on(painted)(async_append(got))
    inside, go_on = threading.Event(), threading.Event()

    def emit() -> None:
        with transaction.atomic():
            send_event(painted, wall="north")
            inside.set()
            go_on.wait(10)

    async with delivering() as (worker, heard):
        emitting = asyncio.create_task(in_thread(emit))
        await asyncio.to_thread(inside.wait, 10)
        await worker.idle()
        assert got == []
        go_on.set()
        await emitting
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]


def async_append(got: list[Any]) -> Any:
    async def receiver(wall: Any, **kwargs: Any) -> None:
        got.append(wall)

    return receiver


async def test_nothing_is_left_of_a_rollback(painted: EventType) -> None:
    got: list[str] = []
    on(painted)(async_append(got))
    async with delivering() as (worker, _):
        await in_thread(lambda: emit_in_transaction((painted, {"wall": "north"}), fail=True))
        await worker.until_nothing_is_due()
        assert worker.rooms["async"].taken == 0, "the place that was reserved is free again"
    assert got == []
    assert await rows("id") == []


async def test_a_def_receiver_runs_in_a_thread(painted: EventType) -> None:
    got: list[Any] = []

    @on(painted, blocking=False)
    def receiver(wall: str, event: Any) -> None:
        got.append((wall, threading.current_thread() is threading.main_thread(), event.attempt))

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert got == [("north", False, 1)]
    assert await rows("state") == [State.DELIVERED]


async def test_many_async_receivers_run_at_once(painted: EventType) -> None:
    running, all_run = [], asyncio.Event()

    async def receiver(wall: str) -> None:
        running.append(wall)
        if len(running) == 40:
            all_run.set()
        await all_run.wait()

    for number in range(40):
        on(painted, name=f"receiver {number}")(lambda_of(receiver))
    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED, 40)
    assert len(running) == 40


def lambda_of(receiver: Any) -> Any:
    async def call(wall: Any) -> None:
        await receiver(wall)

    return call


async def test_database_calls_of_different_deliveries_do_not_wait_for_each_other(painted: EventType) -> None:
    together = threading.Barrier(4, timeout=10)

    def call() -> int:
        together.wait()
        return Group.objects.count()

    async def receiver(wall: int) -> None:
        await sync_to_async(call)()

    on(painted)(receiver)
    async with delivering() as (_, heard):
        await in_thread(lambda: emit_in_transaction(*[(painted, {"wall": number}) for number in range(4)]))
        await heard.until(Kind.DELIVERED, 4)
    assert not heard.of(Kind.RETRIED)


async def test_database_calls_of_one_delivery_share_a_thread(painted: EventType) -> None:
    threads: list[int] = []

    @on(painted)
    async def receiver(wall: int) -> None:
        threads.extend([await sync_to_async(threading.get_ident)() for _ in range(3)])

    async with delivering() as (_, heard):
        await asend_event(painted, wall=1)
        await heard.until(Kind.DELIVERED)
    assert len(threads) == 3
    assert len(set(threads)) == 1


@pytest.mark.parametrize("blocking", [None, False])
async def test_a_lane_runs_one_at_a_time_and_in_order(built: EventType, blocking: bool | None) -> None:
    got: list[tuple[int, int]] = []
    running: list[int] = []

    def begin(house: int, floor: int) -> None:
        assert house not in running
        running.append(house)
        got.append((house, floor))

    if blocking is None:

        @on(built)
        async def receiver(house: int, floor: int) -> None:
            begin(house, floor)
            await asyncio.sleep(0)
            running.remove(house)
    else:

        @on(built, blocking=False)
        def receiver_in_thread(house: int, floor: int) -> None:
            begin(house, floor)
            running.remove(house)

    async with delivering() as (_, heard):
        for floor in range(15):
            events = [(built, {"house": house, "floor": floor}) for house in range(4)]
            await in_thread(lambda events=events: emit_in_transaction(*events))
        await heard.until(Kind.DELIVERED, 60)
    for house in range(4):
        assert [floor for one, floor in got if one == house] == list(range(15))
    assert set(await rows("state")) == {State.DELIVERED}


async def test_a_lane_waits_for_a_retry_and_then_goes_on_in_order(built: EventType) -> None:
    got: list[tuple[int, int]] = []

    @on(built, retry=AT_ONCE)
    async def receiver(floor: int, event: Any) -> None:
        got.append((floor, event.attempt))
        if floor == 1 and event.attempt < 3:
            raise ValueError("not yet")

    async with delivering() as (_, heard):
        events = [(built, {"house": 1, "floor": floor}) for floor in range(4)]
        await in_thread(lambda: emit_in_transaction(*events))
        await heard.until(Kind.DELIVERED, 4)
    assert got == [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]
    assert [told.attempt for told in heard.of(Kind.RETRIED)] == [1, 2]


async def test_unordered_receivers_do_not_wait(built: EventType) -> None:
    both = asyncio.Event()
    got: list[int] = []

    @on(built, ordered=False)
    async def receiver(floor: int) -> None:
        got.append(floor)
        if len(got) == 2:
            both.set()
        await both.wait()

    async with delivering() as (_, heard):
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(2)]))
        await heard.until(Kind.DELIVERED, 2)
    assert await rows("lane") == [None, None]


async def test_each_receiver_gets_objects_of_its_own_with_their_relations_at_hand(painted: EventType) -> None:
    seen: list[Any] = []

    async def receiver(wall: WorkItem) -> None:
        seen.append((wall, wall.task.slug, wall.case.workflow.slug, wall.case.family.pk))
        wall.status = "changed"

    for name in ("one", "two"):
        on(painted, name=name)(lambda_of(receiver))
    at_hand(WorkItem, "task", "case__workflow", "case__family")
    item = await in_thread(_work_item)
    async with delivering() as (_, heard):
        await asend_event(painted, wall=item)
        await heard.until(Kind.DELIVERED, 2)
    assert [one[1:] for one in seen] == [("task", "workflow", item.case_id)] * 2
    first, second = (one[0] for one in seen)
    assert first == second == item
    assert len({id(first), id(second), id(item)}) == 3
    assert first.task is not second.task
    assert item.status == "ready"


def _work_item() -> WorkItem:
    return make_work_item(make_case(make_workflow("workflow")), make_task("task"))


async def test_objects_are_as_they_are_when_the_receiver_starts(built: EventType) -> None:
    seen: list[str] = []

    @on(built)
    async def receiver(house: WorkItem, floor: int) -> None:
        seen.append(house.status)
        if floor == 0:
            await WorkItem.objects.filter(pk=house.pk).aupdate(status="suspended")

    item = await in_thread(_work_item)
    async with delivering() as (_, heard):
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": item, "floor": n}) for n in range(2)]))
        await heard.until(Kind.DELIVERED, 2)
    assert seen == ["ready", "suspended"]


async def test_a_delivery_about_an_object_that_is_gone_is_discarded(painted: EventType) -> None:
    on(painted)(async_append([]))
    group = await Group.objects.acreate(name="gone")

    def emit_and_delete() -> None:
        with transaction.atomic():
            send_event(painted, wall=[group])
            Group.objects.all().delete()

    async with delivering() as (_, heard):
        await in_thread(emit_and_delete)
        await heard.until(Kind.DISCARDED)
    assert await rows("state", "error") == [(State.DISCARDED, f"auth.group {group.pk} is gone.")]


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


@pytest.mark.parametrize("error", [SystemExit(), asyncio.CancelledError(), GeneratorExit()])
async def test_no_error_of_a_receiver_harms_the_loop(painted: EventType, error: BaseException) -> None:
    @on(painted, retry=Retry(max_attempts=1))
    async def receiver(wall: str) -> None:
        raise error

    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.FAILED)
    assert await rows("state") == [State.FAILED]


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


async def test_what_has_no_row_is_delivered_too(painted: EventType) -> None:
    got: list[str] = []
    on(painted, durable=False)(async_append(got))
    async with delivering() as (_, heard):
        await asend_event(painted, wall="north")
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]
    assert await rows("id") == []


async def test_what_has_no_row_is_dropped_when_the_queue_is_full(
    painted: EventType, settings: Any, caplog: Any
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


async def test_no_more_run_at_once_than_there_is_room_for(painted: EventType, settings: Any) -> None:
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
        with transaction.atomic():
            transaction.on_commit(lambda: 1 / 0)
            send_event(painted, wall="north")

    async with delivering() as (worker, heard):
        with pytest.raises(ZeroDivisionError):
            await in_thread(emit)
        await heard.until(Kind.DELIVERED)
        await worker.idle()
        gc.collect()  # the failed request is forgotten, and with it the place that it had reserved
        assert worker.rooms["async"].taken == 0
    assert got == ["north"]


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
    failures = iter([RuntimeError("injected before"), None, None])

    @on(built)
    async def receiver(floor: int) -> None:
        got.append(floor)

    def failing(results: Any) -> Any:
        if results and (failure := next(failures, None)):
            raise failure
        return settle(results)

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

    def refusing(results: Any) -> Any:
        if any(result.error and "unspeakable" in result.error for result in results):
            raise ValueError("cannot be written: \ud800")
        return settle(results)

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


@pytest.mark.postgres
async def test_an_attempt_that_lasts_is_counted_while_it_runs_also_behind_another_one(built: EventType) -> None:
    release = asyncio.Event()

    @on(built)
    async def receiver(floor: int) -> None:
        if floor == 1:
            await release.wait()

    with_events = [(built, {"house": 1, "floor": number}) for number in range(2)]
    await in_thread(lambda: emit_in_transaction(*with_events))
    async with delivering() as (_, heard):
        await heard.until(Kind.STARTED, 2)
        async with asyncio.timeout(20):
            while await rows("attempt") != [1, 1]:
                pass
        release.set()
        await heard.until(Kind.DELIVERED, 2)
    assert await rows("attempt", "claims") == [(1, 1), (1, 1)]
