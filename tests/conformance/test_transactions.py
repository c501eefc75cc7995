"""When deliveries come about: with the commit, or not at all; and what is left of them in the tables."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from caluma_async.errors import NotStorable
from caluma_async.events import EventType, Retry, lifecycle, on, send_event
from caluma_async.events.models import EventRecord
from caluma_async.events.receivers import registry
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from caluma_async.identity import User
from tests.conformance.carriers import another_process, carrying, emit, floors, jobs
from tests.integration.engine import in_thread, rows
from tests.integration.worker_stage import AT_ONCE, async_append

pytestmark = pytest.mark.django_db(transaction=True)


async def test_nothing_runs_before_the_commit(carrier: str, painted: EventType, is_postgres: bool) -> None:
    order: list[str] = []
    on(painted)(async_append(order))
    inside, go_on = threading.Event(), threading.Event()

    def send() -> None:
        with transaction.atomic():
            send_event(painted, wall="north")
            inside.set()
            go_on.wait(20)
            order.append("commit")

    async with carrying(carrier) as carried:
        sending = asyncio.create_task(in_thread(send))
        await asyncio.to_thread(inside.wait, 20)
        if is_postgres and carrier != "inline":  # elsewhere the open transaction keeps everybody from looking
            await carried.rest()
        go_on.set()
        await sending
        await carried.until(Kind.DELIVERED)
    assert order == ["commit", "north"]


async def test_nothing_is_left_of_a_rollback(carrier: str, painted: EventType) -> None:
    got: list[str] = []
    on(painted)(async_append(got))
    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "north"}), fail=True)
        await carried.rest()
        assert await in_thread(jobs) == []
    assert (got, await rows("id")) == ([], [])


async def test_each_receiver_has_a_row_and_all_of_them_one_event(carrier: str, painted: EventType) -> None:
    got: list[str] = []
    on(painted, name="one")(async_append(got))
    on(painted, name="other")(async_append(got))
    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "north"}))
        await carried.until(Kind.DELIVERED, 2)
        await carried.rest()
        assert await in_thread(jobs) == []
    assert got == ["north", "north"]
    assert await rows("receiver", "state", "attempt", "claims", "owner") == [
        ("one", State.DELIVERED, 1, 1, None),
        ("other", State.DELIVERED, 1, 1, None),
    ]
    assert await EventRecord.objects.acount() == 1


@pytest.mark.parametrize("blocking", [None, False])
async def test_what_a_receiver_emits_is_delivered_too(carrier: str, painted: EventType, blocking: bool | None) -> None:
    got: list[str] = []
    dried = EventType("post_dried", arguments=())
    on(dried, name="second")(async_append_nothing(got))

    if blocking is None:

        @on(painted)
        async def first(wall: str, **kwargs: Any) -> None:
            await in_thread(lambda: send_event(dried))
    else:

        @on(painted, blocking=False)
        def first_in_thread(wall: str, **kwargs: Any) -> None:
            send_event(dried)

    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "north"}))
        await carried.until(Kind.DELIVERED, 2)
    assert got == ["dried"]


def async_append_nothing(got: list[str]) -> Any:
    async def receiver(**kwargs: Any) -> None:
        got.append("dried")

    return receiver


async def test_what_a_failing_def_receiver_did_is_undone_and_done_once_in_the_end(
    carrier: str, painted: EventType
) -> None:
    attempts: list[int] = []

    @on(painted, blocking=False, transactional=True, retry=AT_ONCE)
    def receiver(wall: str, event: Any) -> None:
        Group.objects.create(name=f"{wall} {event.attempt}")
        attempts.append(event.attempt)
        if event.attempt < 3:
            raise ValueError("not yet")

    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "north"}))
        await carried.until(Kind.DELIVERED)
    assert attempts == [1, 2, 3]
    assert [group.name async for group in Group.objects.all()] == ["north 3"]


async def test_a_receiver_without_rows_runs_once_and_after_the_commit(carrier: str, painted: EventType) -> None:
    got: list[str] = []

    @on(painted, durable=False)
    async def receiver(wall: str) -> None:
        got.append(wall)
        raise ValueError("nobody tries again")

    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "north"}), fail=True)
        await emit((painted, {"wall": "south"}))
        await carried.until(Kind.FAILED)
        await carried.rest()
    assert (got, await rows("id")) == (["south"], [])


@pytest.mark.parametrize("wall", ["north", ["north"], {"$": "north"}])
async def test_receivers_without_rows_share_nothing(carrier: str, painted: EventType, wall: Any) -> None:
    got: list[Any] = []

    for name in ("first", "second"):

        @on(painted, durable=False, name=name)
        async def receiver(wall: Any, event: Any, user: Any, **kwargs: Any) -> None:
            got.append((wall, dict(event.arguments), user, user.token))
            event.arguments.clear()

    ada = User("ada", groups=["office"], token="secret")
    async with carrying(carrier) as carried:
        await emit((painted, {"wall": wall, "user": ada}))
        await carried.until(Kind.DELIVERED, 2)
        await carried.rest()
    assert got == [(wall, {"wall": wall}, ada, None)] * 2
    assert not any(isinstance(wall, list | dict) and found is wall for found, *_ in got)


async def test_what_cannot_be_kept_is_refused_without_rows_too(carrier: str, painted: EventType) -> None:
    on(painted, durable=False)(async_append([]))
    async with carrying(carrier):
        with pytest.raises(NotStorable, match="wall"):
            await emit((painted, {"wall": object()}))


async def test_rows_of_a_receiver_that_is_not_known_wait(carrier: str, painted: EventType) -> None:
    got: list[str] = []
    with registry.isolated(), lifecycle.using(another_process(carrier)):
        on(painted, name="of a newer release")(async_append(got))
        await emit((painted, {"wall": "north"}))
    on(painted, name="known")(async_append(got))
    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "south"}))
        await carried.until(Kind.DELIVERED)
        await carried.rest()
    assert got == ["south"]
    assert await rows("receiver", "state", "attempt", "claims") == [
        ("of a newer release", State.WAITING, 0, 0),
        ("known", State.DELIVERED, 1, 1),
    ]


@pytest.mark.background
async def test_stopping_gives_back_what_does_not_finish(carrier: str, built: EventType) -> None:
    begun = asyncio.Event()

    @on(built, retry=Retry(max_attempts=1))
    async def receiver(floor: int) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with carrying(carrier) as carried:
        await emit(*floors(built, range(3)))
        async with asyncio.timeout(20):
            await begun.wait()
        await carried.stop(0)
    assert await rows("state", "owner") == [(State.WAITING, None)] * 3


@pytest.mark.background
async def test_what_is_emitted_while_nobody_delivers_is_delivered_later(carrier: str, built: EventType) -> None:
    got: list[int] = []

    @on(built)
    async def receiver(floor: int) -> None:
        got.append(floor)

    with lifecycle.using(another_process(carrier)):
        await emit(*floors(built, range(3)))
    assert got == []
    async with carrying(carrier) as carried:
        await carried.until(Kind.DELIVERED, 3)
        await carried.rest()
        assert await in_thread(jobs) == []
    assert got == [0, 1, 2]
