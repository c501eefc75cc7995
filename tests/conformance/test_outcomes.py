"""What becomes of attempts: tried again, given up, held, discarded, cut off; in the order of their lane."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from caluma_async.events import Discard, EventType, Retry, RetryAfter, on, outbox, send_event
from caluma_async.events.models import Delivery
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from tests.conformance.carriers import carrying, emit, floors
from tests.integration.engine import in_thread, rows
from tests.integration.worker_stage import AT_ONCE, async_append

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = pytest.mark.parametrize("kind", ["async def", "def"])


def receive(event: EventType, function: Any, kind: str, **options: Any) -> None:
    """Register the function, as it is or as a coroutine function."""
    if kind == "def":
        on(event, name="receiver", blocking=False, **options)(function)
        return

    async def receiver(**given: Any) -> None:
        function(**given)

    on(event, name="receiver", **options)(receiver)


@KINDS
async def test_a_lane_runs_one_at_a_time_and_in_order(carrier: str, built: EventType, kind: str) -> None:
    got: list[tuple[int, int]] = []
    running: set[int] = set()

    def receiver(house: int, floor: int, **kwargs: Any) -> None:
        assert house not in running
        running.add(house)
        got.append((house, floor))
        running.remove(house)

    receive(built, receiver, kind)
    async with carrying(carrier) as carried:
        for floor in range(15):
            await emit(*(one for house in range(3) for one in floors(built, [floor], house)))
        await carried.until(Kind.DELIVERED, 45)
    for house in range(3):
        assert [floor for one, floor in got if one == house] == list(range(15))


@KINDS
async def test_a_lane_waits_for_a_retry_and_then_goes_on(carrier: str, built: EventType, kind: str) -> None:
    got: list[tuple[int, int]] = []

    def receiver(floor: int, event: Any, **kwargs: Any) -> None:
        got.append((floor, event.attempt))
        if floor == 1 and event.attempt < 3:
            raise ValueError("not yet")

    receive(built, receiver, kind, retry=AT_ONCE)
    async with carrying(carrier) as carried:
        await emit(*floors(built, range(3)))
        await emit(*floors(built, [3]))
        await carried.until(Kind.DELIVERED, 4)
    assert got == [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]
    assert len(carried.heard.of(Kind.RETRIED)) == 2


async def test_what_is_not_ordered_waits_for_nobody(carrier: str, built: EventType) -> None:
    got: list[int] = []

    @on(built, ordered=False, retry=Retry(base=3600, cap=3600))
    async def receiver(floor: int) -> None:
        got.append(floor)
        if floor == 0:
            raise ValueError("much later")

    async with carrying(carrier) as carried:
        await emit(*floors(built, range(2)))
        await carried.until(Kind.RETRIED)
        await carried.until(Kind.DELIVERED)
    assert sorted(got) == [0, 1]
    assert await rows("lane", "state") == [(None, State.WAITING), (None, State.DELIVERED)]


@KINDS
async def test_after_the_last_attempt_it_is_a_dead_letter_and_its_lane_goes_on(
    carrier: str, built: EventType, kind: str
) -> None:
    def receiver(floor: int, **kwargs: Any) -> None:
        if floor == 0:
            raise ValueError("never")

    receive(built, receiver, kind, retry=AT_ONCE)
    async with carrying(carrier) as carried:
        await emit(*floors(built, range(2)))
        await carried.until(Kind.DELIVERED)
    (failed, delivered) = await rows("state", "attempt", "error")
    assert failed[:2] == (State.FAILED, 3)
    assert "ValueError: never" in failed[2]
    assert delivered == (State.DELIVERED, 1, "")


async def test_a_held_one_holds_its_lane_until_a_person_has_looked(carrier: str, built: EventType) -> None:
    got: list[int] = []
    mended: list[bool] = []

    @on(built, retry=Retry(max_attempts=1), on_exhausted="hold")
    async def receiver(floor: int) -> None:
        got.append(floor)
        if not mended:
            raise ValueError("broken")

    async with carrying(carrier) as carried:
        await emit(*floors(built, range(3)))
        await carried.until(Kind.HELD)
        await carried.rest()
        assert await rows("state") == [State.HELD, State.WAITING, State.WAITING]
        mended.append(True)
        await in_thread(lambda: outbox.retry([Delivery.objects.earliest("id").pk]))
        await carried.rest()
    assert got == [0, 0, 1, 2]
    assert set(await rows("state")) == {State.DELIVERED}


async def test_a_receiver_may_say_when_to_retry_and_that_it_is_not_wanted(carrier: str, painted: EventType) -> None:
    @on(painted, retry=Retry(base=3600, cap=3600))
    async def receiver(wall: str, event: Any) -> None:
        if event.attempt == 1:
            raise RetryAfter(0)
        raise Discard("not ours")

    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "north"}))
        await carried.until(Kind.DISCARDED)
    assert await rows("state", "attempt", "error") == [(State.DISCARDED, 2, "not ours")]


async def test_what_is_about_an_object_that_is_gone_is_discarded(carrier: str, painted: EventType) -> None:
    on(painted)(async_append([]))
    group = await Group.objects.acreate(name="gone")

    def send_and_delete() -> None:
        with transaction.atomic():
            send_event(painted, wall=group)
            Group.objects.all().delete()

    async with carrying(carrier) as carried:
        await in_thread(send_and_delete)
        await carried.until(Kind.DISCARDED)
    assert await rows("state", "error") == [(State.DISCARDED, f"auth.group {group.pk} is gone.")]


async def test_an_async_def_past_its_time_fails(carrier: str, painted: EventType) -> None:
    @on(painted, timeout=0.01, retry=Retry(max_attempts=1))
    async def receiver(wall: str) -> None:
        await asyncio.Event().wait()

    async with carrying(carrier) as carried:
        await emit((painted, {"wall": "north"}))
        told = await carried.until(Kind.FAILED)
    assert "longer than 0.01 seconds" in str(told.error)


@KINDS
async def test_a_chain_of_events_that_cause_each_other_ends(
    carrier: str, painted: EventType, kind: str, settings: Any
) -> None:
    settings.EVENT_MAX_DEPTH = 4
    got: list[int] = []

    if kind == "def":

        @on(painted, blocking=False, retry=Retry(max_attempts=1))
        def receiver_in_thread(wall: int) -> None:
            got.append(wall)
            send_event(painted, wall=wall + 1)
    else:

        @on(painted, retry=Retry(max_attempts=1))
        async def receiver(wall: int) -> None:
            got.append(wall)
            await in_thread(lambda: send_event(painted, wall=wall + 1))

    async with carrying(carrier) as carried:
        await emit((painted, {"wall": 1}))
        told = await carried.until(Kind.FAILED)
    assert got == [1, 2, 3, 4]
    assert "EVENT_MAX_DEPTH=4" in str(told.error)
