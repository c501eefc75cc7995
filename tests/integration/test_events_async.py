"""`async def` receivers that block: on the request's event loop, in the mutation's transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction

from caluma_async.errors import SignalHandlingError
from caluma_async.events import EventType, asend_event, on, scope, send_event
from caluma_async.events.emit import emissions
from caluma_async.events.scope import Pending, current_scope, use_recorder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("isolated_receivers")]


def paint(*, fail: bool = False) -> None:
    """A mutation: writes, emits, and sees what receivers wrote."""
    with transaction.atomic(), emissions():
        Group.objects.create(name="verb")
        send_event(asked[0], wall="north")
        seen.append(Group.objects.filter(name="receiver").exists())
        if fail:
            raise ValueError("the verb")


asked: list[EventType] = []
seen: list[Any] = []


@pytest.fixture(autouse=True)
def _asked(post: EventType) -> Iterator[None]:
    asked[:], seen[:] = [post], []
    yield
    asked.clear()


def close() -> None:
    """Close the connection of the thread in which this runs."""
    connection.close()


async def in_request(*args: Any, **kwargs: Any) -> None:
    """Run the mutation as a request does: from the loop, in a thread."""
    try:
        await sync_to_async(paint)(*args, **kwargs)
    finally:
        await sync_to_async(close)()


async def saved() -> set[str]:
    try:
        return {name async for name in Group.objects.values_list("name", flat=True)}
    finally:
        await sync_to_async(close)()


async def test_it_is_awaited_on_the_request_s_loop(post: EventType) -> None:
    loops = []

    @on(post, blocking=True)
    async def painted(**kwargs: Any) -> None:
        loops.append(asyncio.get_running_loop())

    await in_request()
    assert loops == [asyncio.get_running_loop()]


def test_without_a_loop_one_is_made_for_the_call(post: EventType) -> None:
    loops = []

    @on(post, blocking=True)
    async def painted(**kwargs: Any) -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    paint()
    assert len(loops) == 1
    assert loops[0].is_closed()


async def test_its_database_calls_take_part_in_the_transaction(post: EventType) -> None:
    threads = []

    @on(post, blocking=True)
    async def painted(**kwargs: Any) -> None:
        assert await Group.objects.filter(name="verb").aexists()
        await Group.objects.acreate(name="receiver")
        threads.append(await sync_to_async(threading.get_ident)())

    @on(post)
    def in_thread(**kwargs: Any) -> None:
        threads.append(threading.get_ident())

    with pytest.raises(ValueError, match="the verb"):
        await in_request(fail=True)
    assert seen == [True]
    assert threads[0] == threads[1]
    assert await saved() == set()


async def test_when_it_fails_its_savepoint_is_undone(post: EventType, caplog: pytest.LogCaptureFixture) -> None:
    @on(post, blocking=True, name="failing")
    async def painted(**kwargs: Any) -> None:
        await Group.objects.acreate(name="receiver")
        raise ValueError("no paint left")

    await in_request()
    assert seen == [False]
    assert await saved() == {"verb"}
    assert "failing failed on post_paint" in caplog.text
    assert "no paint left" in caplog.text


async def test_with_raise_exception_the_mutation_is_undone(post: EventType) -> None:
    @on(post, raise_exception=True)
    async def painted(**kwargs: Any) -> None:
        raise ValueError("no paint left")

    with pytest.raises(SignalHandlingError, match="failed with ValueError"):
        await in_request()
    assert await saved() == set()


async def test_synchronous_and_asynchronous_receivers_nest(post: EventType) -> None:
    inner = EventType("post_dry", arguments=("wall",))
    ran = []

    @on(post, blocking=True)
    async def outer(**kwargs: Any) -> None:
        ran.append("outer: begin")
        await asend_event(inner, wall="north")
        ran.append("outer: end")

    @on(inner)
    def middle(**kwargs: Any) -> None:
        ran.append("middle")
        assert connection.in_atomic_block

    @on(inner, blocking=True)
    async def innermost(**kwargs: Any) -> None:
        await Group.objects.acreate(name="receiver")
        ran.append("innermost")

    await in_request()
    assert ran == ["outer: begin", "middle", "innermost", "outer: end"]
    assert seen == [True]


async def test_a_task_that_is_left_is_warned_of_by_name(post: EventType, caplog: pytest.LogCaptureFixture) -> None:
    tasks = []
    end = asyncio.Event()
    unrelated = asyncio.get_running_loop().create_task(end.wait(), name="unrelated")

    @on(post, blocking=True, name="hasty")
    async def painted(**kwargs: Any) -> None:
        tasks.append(asyncio.create_task(end.wait(), name="left behind"))
        await asyncio.gather(asyncio.sleep(0), asyncio.create_task(asyncio.sleep(0), name="finished"))

    await in_request()
    assert [record.getMessage() for record in caplog.records if record.name == "caluma_async.events"] == [
        "hasty returned before tasks that it started were finished: left behind."
    ]
    end.set()
    await asyncio.gather(unrelated, *tasks)


async def test_a_receiver_whose_tasks_are_finished_is_not_warned_of(
    post: EventType, caplog: pytest.LogCaptureFixture
) -> None:
    @on(post, blocking=True)
    async def painted(**kwargs: Any) -> None:
        await asyncio.gather(*(asyncio.create_task(asyncio.sleep(0)) for _ in range(3)))

    await in_request()
    assert [record for record in caplog.records if record.name == "caluma_async.events"] == []


@pytest.fixture
def recorded() -> Iterator[list[Pending]]:
    before = list(scope._recorders)
    found: list[Pending] = []
    use_recorder(lambda left, is_last: found.extend(left))
    yield found
    scope._recorders[:] = before


async def test_a_task_that_is_left_cannot_touch_the_transaction(post: EventType) -> None:
    tasks = []
    go = asyncio.Event()

    async def left() -> None:
        await go.wait()
        await Group.objects.acreate(name="left")

    @on(post, blocking=True)
    async def painted(**kwargs: Any) -> None:
        tasks.append(asyncio.create_task(left()))

    await in_request()
    go.set()
    with pytest.raises(RuntimeError, match="CurrentThreadExecutor already quit"):
        await tasks[0]
    assert await saved() == {"verb"}


@pytest.mark.postgres
async def test_what_another_thread_emits_belongs_to_its_own_transaction(
    post: EventType, recorded: list[Pending]
) -> None:
    other = EventType("post_dry", arguments=())
    scopes = []

    @on(other)
    async def dried(**kwargs: Any) -> None: ...

    def elsewhere() -> None:
        scopes.append(current_scope())
        send_event(other)
        scopes.append([pending.event.name for pending in recorded])
        connection.close()

    @on(post, blocking=True)
    async def painted(**kwargs: Any) -> None:
        await asyncio.to_thread(elsewhere)

    await in_request()
    assert scopes == [None, ["post_dry"]]


async def test_a_cancelled_receiver_leaves_nothing(post: EventType) -> None:
    begun = asyncio.Event()

    @on(post, blocking=True)
    async def painted(**kwargs: Any) -> None:
        await Group.objects.acreate(name="receiver")
        begun.set()
        await asyncio.Event().wait()

    request = asyncio.create_task(in_request())
    await begun.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert await saved() == set()
