"""What a worker promises: after the commit, concurrently, each with objects of its own, in order where it matters."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction

from caluma_async.events import (
    EventType,
    asend_event,
    on,
    send_event,
)
from caluma_async.events.loading import at_hand
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import WorkItem
from tests.integration.engine import delivering, in_thread, rows
from tests.integration.worker_stage import AT_ONCE, async_append, built, emit_in_transaction, isolated, painted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_nothing_runs_before_the_commit(painted: EventType, is_postgres: bool) -> None:
    order: list[str] = []
    on(painted)(async_append(order))
    inside, go_on = threading.Event(), threading.Event()

    def emit() -> None:
        with transaction.atomic():
            send_event(painted, wall="north")
            inside.set()
            go_on.wait(10)
            order.append("commit")

    async with delivering() as (worker, heard):
        emitting = asyncio.create_task(in_thread(emit))
        await asyncio.to_thread(inside.wait, 10)
        if is_postgres:
            # on SQLite the open transaction keeps everybody else from writing
            await worker.until_nothing_is_due()
        go_on.set()
        await emitting
        await heard.until(Kind.DELIVERED)
    assert order == ["commit", "north"]


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
