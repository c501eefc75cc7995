"""A fault at every statement of the engine in turn: all is delivered, in order, and nothing twice that must not be."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import Error, connections, transaction

from caluma_async.events import EventType, Retry, asend_event, on, runner, send_event, writer
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.receivers import registry
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind
from caluma_async.events.worker import Worker
from tests.examples import FACTOR
from tests.integration.engine import delivering, in_thread, rows
from tests.integration.faults import HOW, LOSSES, Faults, injected

pytestmark = pytest.mark.django_db(transaction=True)

LANES = ("a", "b")
FLOORS = 4
AGAIN = Retry(max_attempts=50, base=0.001, jitter=False)


@pytest.fixture(autouse=True)
def _quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is waited for that need not be."""
    settings.EVENT_POLL = 0.02
    monkeypatch.setattr(writer, "_PAUSE", 0.001)
    monkeypatch.setattr(runner, "_UNREACHABLE", 0.001)
    with registry.isolated():
        yield


class House:
    """Two receivers of one event with lanes; what they did, in order."""

    def __init__(self) -> None:
        self.event = EventType("post_built", arguments=("lane", "floor", "street"), lane=lambda given: given["lane"])
        self.street = Group.objects.create(name="street")
        self.awaited: list[tuple[str, int]] = []
        self.threaded: list[tuple[str, int]] = []

        @on(self.event, name="awaited", retry=AGAIN)
        async def awaited(lane: str, floor: int, street: Group, event: Any) -> None:
            self.awaited.append((lane, floor))
            await asyncio.sleep(0)
            if floor == 1 and event.attempt == 1:
                raise ValueError("not at once")

        @on(self.event, name="threaded", blocking=False, retry=AGAIN)
        def threaded(lane: str, floor: int, street: Group) -> None:
            self.threaded.append((lane, floor))
            Group.objects.create(name=f"{lane} {floor} {threading.get_ident()} {len(self.threaded)}")

    def build(self, first: int, last: int) -> None:
        """Emit some floors of both lanes, in one transaction."""
        with transaction.atomic():
            for floor, lane in itertools.product(range(first, last), LANES):
                send_event(self.event, lane=lane, floor=floor, street=self.street)

    def judge(self, *, is_postgres: bool) -> None:
        """Every lane in order, whatever was repeated; what shares its transaction with its end was done once."""
        for lane in LANES:
            for done in (self.awaited, self.threaded):
                floors = [floor for of, floor in done if of == lane]
                assert [floor for floor, _ in itertools.groupby(floors)] == list(range(FLOORS))
        effects = [
            " ".join(name.split()[:2]) for name in Group.objects.exclude(name="street").values_list("name", flat=True)
        ]
        once = [f"{lane} {floor}" for lane, floor in itertools.product(LANES, range(FLOORS))]
        assert sorted(effects if is_postgres else set(effects)) == once


def _empty() -> None:
    for model in (Delivery, EventRecord, Group):
        model.objects.all().delete()


async def _deliver_all(worker: Worker) -> None:
    async with asyncio.timeout(20):
        while set(await rows("state")) - {State.DELIVERED}:
            await worker.until_nothing_is_due()
        await worker.idle()


async def _build(thread: str, position: int, how: str, is_postgres: bool) -> Faults:
    """A house, while one statement of these threads is spoilt."""
    await in_thread(_empty)
    with registry.isolated(), injected(thread, position, how) as faults:
        house = await in_thread(House)
        await in_thread(house.build, 0, FLOORS // 2)
        async with delivering() as (worker, heard):
            await in_thread(house.build, FLOORS // 2, FLOORS)
            await _deliver_all(worker)
            assert [room.taken for room in worker.rooms.values()] == [0, 0]
            assert not heard.of(Kind.FAILED, Kind.HELD, Kind.DISCARDED, Kind.DROPPED)
        await in_thread(lambda: house.judge(is_postgres=is_postgres))
        assert not any(await rows("crashes"))
    return faults


def hows(position: int, *, is_postgres: bool) -> Iterator[str]:
    """The faults to try at a statement: one after the other at one statement after the other, or all at each."""
    possible = [how for how in HOW if is_postgres or how not in LOSSES]  # a file has no connection that could break
    return iter(possible if len(possible) <= FACTOR else [possible[position % len(possible)]])


MOST = {"caluma-clerk": 30, "caluma-loader": 6, "caluma-receiver": 12}
"""At how many statements a fault is tried; what comes then is more of the same."""


@pytest.mark.parametrize("thread", MOST)
async def test_a_fault_at_any_statement_costs_nothing(thread: str, is_postgres: bool) -> None:
    for position in range(1, MOST[thread] + 1):
        for how in hows(position, is_postgres=is_postgres):
            faults = await _build(thread, position, how, is_postgres)
        if not faults.hit.is_set():
            break
    assert position > 2


async def test_a_fault_at_any_statement_of_the_emitter_takes_all_or_nothing(is_postgres: bool) -> None:
    for position in range(1, 20):
        for how in hows(position, is_postgres=is_postgres):
            faults = await _emit(position, how)
        if not faults.hit.is_set():
            break
    assert position > 4


async def _emit(position: int, how: str) -> Faults:
    """One transaction, in which one statement is spoilt, or its end: all of it is delivered, or nothing."""
    await in_thread(_empty)
    with registry.isolated(), injected("emitter", position, how) as faults:
        house = await in_thread(House)
        async with delivering() as (worker, _):
            emitter = threading.Thread(target=_attempt, args=(house.build, 0, FLOORS), name="emitter")
            emitter.start()
            await asyncio.to_thread(emitter.join)
            await _deliver_all(worker)
            gc.collect()  # what was undone is forgotten, and with it the places that it had reserved
            assert [room.taken for room in worker.rooms.values()] == [0, 0]
        assert len(await rows("state")) in (0, 2 * FLOORS * len(LANES))
        assert len(house.threaded) in (0, FLOORS * len(LANES))
    return faults


def _attempt(build: Callable[[int, int], None], first: int, last: int) -> None:
    try:
        build(first, last)
    except Error:
        return  # as whoever asked for the mutation is told
    finally:
        connections.close_all()


async def test_a_fault_at_any_statement_of_the_keeper_loses_no_lease(settings: Any, is_postgres: bool) -> None:
    settings.EVENT_LEASE = 1
    for position in range(1, 5):
        for how in hows(position, is_postgres=is_postgres):
            await _keep(position, how)


async def _keep(position: int, how: str) -> None:
    await in_thread(_empty)
    with registry.isolated(), injected("caluma-keeper", position, how) as faults:
        house, release = EventType("post_kept", arguments=()), asyncio.Event()

        @on(house, name="keeps")
        async def keeps() -> None:
            await release.wait()

        async with delivering() as (_, heard):
            await asend_event(house)
            await asyncio.to_thread(faults.hit.wait, 20)
            await heard.until(Kind.EXTENDED, len(heard.of(Kind.EXTENDED)) + 1)
            release.set()
            await heard.until(Kind.DELIVERED)
        assert await rows("state", "claims", "crashes") == [(State.DELIVERED, 1, 0)]
