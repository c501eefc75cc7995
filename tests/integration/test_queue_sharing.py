"""A receiver whose deliveries never end does not take all places: those of others go on, with rows and without."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from caluma_async.events import EventType, on, runner, worker
from caluma_async.events.telemetry import Kind
from caluma_async.precedence import requests
from tests.integration.engine import Heard, delivering, in_thread, rows
from tests.integration.worker_stage import alone, built, emit_in_transaction, isolated, painted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)

PLACES = 8
FLOOD = 30


class Stuck:
    """Receivers that wait until they are let go, in a thread or on the loop; `others` are done at once."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.arrived: Counter[str] = Counter()
        self._waiting: list[asyncio.Future[None]] = []

    def in_threads(self, event: EventType, name: str, **options: Any) -> None:
        @on(event, name=name, blocking=False, **options)
        def stuck(**kwargs: Any) -> None:
            self.arrived[name] += 1
            self.release.wait(60)

    def on_the_loop(self, event: EventType, name: str, **options: Any) -> None:
        @on(event, name=name, **options)
        async def stuck(**kwargs: Any) -> None:
            self.arrived[name] += 1
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]

    def let_go(self) -> None:
        self.release.set()
        for one in self._waiting:
            if not one.done():
                one.set_result(None)


@pytest.fixture
def stuck(settings: Any) -> Iterator[Stuck]:
    settings.EVENT_THREADS = settings.EVENT_CONCURRENCY = PLACES
    stuck = Stuck()
    yield stuck
    stuck.let_go()


@contextmanager
def letting_go(stuck: Stuck) -> Iterator[None]:
    try:
        yield
    finally:
        stuck.let_go()


def houses(event: EventType, number: int, *, one_lane_each: bool) -> Callable[[], None]:
    """Emit so many, each in a lane of its own, or all without one."""
    key = "house" if one_lane_each else "wall"
    given = [{key: n, "floor": n} if one_lane_each else {key: n} for n in range(number)]
    return lambda: emit_in_transaction(*[(event, one) for one in given])


async def count(heard: Heard, name: str) -> int:
    return sum(told.receiver == name for told in heard.of(Kind.DELIVERED))


async def until_delivered(heard: Heard, name: str, number: int) -> None:
    async with asyncio.timeout(30):
        while await count(heard, name) < number:
            await heard.until(Kind.DELIVERED, len(heard.of(Kind.DELIVERED)) + 1)


@pytest.mark.parametrize("in_lanes", [False, True])
@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("left_before", [False, True])
async def test_one_that_is_stuck_leaves_others_their_places(
    painted: EventType, built: EventType, stuck: Stuck, in_lanes: bool, threaded: bool, left_before: bool
) -> None:
    event = built if in_lanes else painted
    (stuck.in_threads if threaded else stuck.on_the_loop)(event, "a.stuck")

    @on(event, name="b.fine", blocking=False)
    def fine(**kwargs: Any) -> None:
        """Be quick, in a thread."""

    @on(event, name="c.fine")
    async def fine_too(**kwargs: Any) -> None:
        """Be quick, on the loop."""

    emit = houses(event, FLOOD, one_lane_each=in_lanes)
    if left_before:
        await in_thread(emit)
    async with delivering() as (_, heard):
        if not left_before:
            await in_thread(emit)
        with letting_go(stuck):
            await until_delivered(heard, "b.fine", FLOOD)
            await until_delivered(heard, "c.fine", FLOOD)
            assert 1 < stuck.arrived["a.stuck"] < PLACES
            states = Counter(await rows("receiver", "state"))
            # what has no place stays in the table
            assert states["a.stuck", "running"] < PLACES
            assert states["a.stuck", "waiting"] > FLOOD - PLACES


@pytest.mark.parametrize("in_lanes", [False, True])
async def test_a_flood_through_a_share_of_the_places_comes_to_its_end(
    painted: EventType, built: EventType, settings: Any, in_lanes: bool
) -> None:
    settings.EVENT_CONCURRENCY, settings.EVENT_POLL = 4, 3600
    event = built if in_lanes else painted
    running = most = 0

    @on(event, name="many")
    async def many(**kwargs: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    on(EventType("post_other"), name="other")(many)
    await in_thread(houses(event, 60, one_lane_each=in_lanes))
    async with delivering() as (worker, heard):
        await heard.until(Kind.DELIVERED, 60)
        await worker.idle()
        assert worker.rooms["async"].taken == 0
    assert most == 2


async def test_what_has_no_row_neither_waits_nor_is_dropped_because_of_one_that_is_stuck(
    painted: EventType, stuck: Stuck, settings: Any
) -> None:
    settings.EVENT_QUEUE_SIZE = 45  # 30 for the one that is stuck, 10 of the rest for the other one
    stuck.on_the_loop(painted, "a.stuck", durable=False)

    @on(painted, name="b.fine", durable=False)
    async def fine(**kwargs: Any) -> None:
        """Be quick."""

    async with delivering() as (_, heard):
        with letting_go(stuck):
            for _ in range(5):
                await in_thread(houses(painted, 10, one_lane_each=False))
                await until_delivered(heard, "b.fine", 10)
                heard.told = [told for told in heard.told if told.kind is not Kind.DELIVERED]
            assert {told.receiver for told in heard.of(Kind.DROPPED)} == {"a.stuck"}


async def test_beside_requests_only_a_few_def_receivers_work_at_the_same_time(
    alone: None, painted: EventType, stuck: Stuck, settings: Any
) -> None:
    stuck.in_threads(painted, "many")
    async with delivering() as (_, heard):
        with letting_go(stuck), requests:
            await in_thread(houses(painted, PLACES, one_lane_each=False))
            await heard.until(Kind.STARTED, runner._YOUNG_BESIDE_REQUESTS)
            # those that wait for something take nothing away from requests, and hold nobody up
            started = await heard.until(Kind.STARTED, PLACES)
            assert stuck.arrived["many"] <= PLACES
        await heard.until(Kind.DELIVERED, PLACES)
    first = heard.of(Kind.STARTED)[0]
    assert started.seconds - first.seconds > runner._YOUNG


async def test_what_has_not_begun_beside_requests_is_given_back_at_a_stop(
    alone: None, painted: EventType, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_YOUNG", 3600)
    stuck.in_threads(painted, "many", transactional=False)  # no connection is left to threads that go on
    async with delivering(drain=0) as (worker, heard):
        with letting_go(stuck), requests:
            await in_thread(houses(painted, PLACES, one_lane_each=False))
            await heard.until(Kind.STARTED, runner._YOUNG_BESIDE_REQUESTS)
            await worker.stop(0)
    assert len(heard.of(Kind.STARTED)) == runner._YOUNG_BESIDE_REQUESTS
    assert Counter(await rows("state", "attempt"))["waiting", 0] == PLACES - runner._YOUNG_BESIDE_REQUESTS


async def test_what_has_let_requests_pass_begins_however_much_it_is(
    alone: None, painted: EventType, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience, number = 1.0, 5 * runner._BESIDE_REQUESTS
    monkeypatch.setattr(worker, "_PATIENCE", patience)

    @on(painted, name="quick")
    async def quick(**kwargs: Any) -> None:
        """Be quick."""

    async with delivering() as (_, heard):
        with requests:
            await in_thread(houses(painted, number, one_lane_each=False))
            started = await heard.until(Kind.STARTED, number)
    assert started.seconds < 3 * patience  # and not one patience for each batch


async def test_what_lets_requests_pass_is_taken_over_with_what_does_not(
    alone: None, painted: EventType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 3600.0)

    @on(painted, name="quick")
    async def quick(**kwargs: Any) -> None:
        """Be quick."""

    async with delivering() as (working, heard):
        with requests:
            for _ in range(3):
                await in_thread(houses(painted, 1, one_lane_each=False))
            working.wake()
            await heard.until(Kind.DELIVERED, 3)
