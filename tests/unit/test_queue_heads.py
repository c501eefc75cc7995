"""What is in hand: one at a time in a lane, whoever settles it, and nothing new once the process drains."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from caluma_async.connections import KeptConnections
from caluma_async.events import EventType, on, telemetry
from caluma_async.events.clerk import Clerk, Report, Round
from caluma_async.events.crew import Desk
from caluma_async.events.executor import Assignment
from caluma_async.events.lanes import Room
from caluma_async.events.outbox import Claim, Fence, Result, StoredEvent
from caluma_async.events.receiver import ASYNC, THREAD
from caluma_async.events.registry import registry
from caluma_async.events.runner import Finish
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind, Told
from caluma_async.events.writer import Writer
from caluma_async.keys import uuid7
from caluma_async.precedence import requests

LANE = "r|case:1"


class Finder:
    """A clerk that finds what it is told to, and settles everything but what is `outdated`."""

    def __init__(self) -> None:
        self.finds: list[Claim] = []
        self.settled: list[Result] = []
        self.outdated: set[Fence] = set()
        self.meanwhile: Callable[[], None] = lambda: None

    def work(self, todo: Round) -> Report:
        """What was to be found is found by the next look."""
        self.meanwhile()
        self.settled += todo.results
        found = self.finds if todo.looks else []
        self.finds = [] if todo.looks else self.finds
        return Report(
            accepted={result.fence for result in todo.results} - self.outdated | todo.settled,
            begun={*todo.begin, *(follower.fence for follower in todo.behind)},
            taken=[],
            found={kind: found if kind == THREAD else [] for kind in todo.looks},
            more=set(),
        )


@pytest.fixture(autouse=True)
def _receiver() -> Iterator[None]:
    with registry.isolated():

        @on(EventType("told_in_a_lane", arguments=()), name="r", blocking=False)
        def receiver(**kwargs: Any) -> None:
            """Never called here."""

        yield


def claim(key: int, *, begun: bool) -> Claim:
    event = StoredEvent(
        uuid7(), "told_in_a_lane", "", "{}", "{}", "null", "case:1", datetime.now(UTC), None, uuid7(), "[]"
    )
    return Claim(fence=Fence(key, 1), attempt=int(begun), receiver="r", lane=LANE, begun=begun, event=event)


def over(one: Claim, *, settled: bool = True) -> Finish:
    receiver = registry.find("r")
    assert receiver is not None
    assignment = Assignment(one, receiver, 0.0)
    return Finish(assignment, Result(fence=one.fence, state=State.DELIVERED), settled=settled)


class Stage:
    """A writer, its clerk, and what it started."""

    def __init__(self) -> None:
        self.finder = Finder()
        self.desk = Desk("clerk", KeptConnections())
        self.rooms = {ASYNC: Room(4), THREAD: Room(4)}
        self.started: list[int] = []
        self.writer = Writer(cast("Clerk", self.finder), self.desk, self.rooms, self._start, lambda: None)

    async def rest(self) -> None:
        """Until nothing is left to write."""
        async with asyncio.timeout(10):
            await self.writer.finish()

    def _start(self, assignments: Sequence[Assignment]) -> None:
        self.started += [assignment.claim.id for assignment in assignments]


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.desk.shutdown()


async def test_what_waits_behind_the_next_one_waits_until_that_one_is_over(stage: Stage) -> None:
    writer, finder = stage.writer, stage.finder
    first, second, third = claim(1, begun=True), claim(2, begun=True), claim(3, begun=False)
    stage.rooms[THREAD].take("r")
    writer.arrive([first])
    # its own transaction has settled the first one, and a look finds what comes next before anybody says it is over
    finder.finds = [second, third]
    writer.look(THREAD)
    await stage.rest()
    writer.over(over(first))
    await stage.rest()
    assert stage.started == [1, 2]
    writer.over(over(second))
    await stage.rest()
    assert stage.started == [1, 2, 3]
    writer.over(over(claim(3, begun=True)))
    await stage.rest()
    assert stage.rooms[THREAD].free == 4


async def test_what_a_round_brings_once_the_process_drains_is_given_back(stage: Stage) -> None:
    writer, finder = stage.writer, stage.finder
    finder.finds = [claim(1, begun=True), claim(2, begun=False)]
    finder.meanwhile = lambda: setattr(writer, "taking", False)
    writer.look(THREAD)
    await stage.rest()
    assert stage.started == []
    assert [(result.fence.id, result.state, result.uncounted) for result in finder.settled] == [
        (1, State.WAITING, True),
        (2, State.WAITING, True),
    ]
    assert writer.is_idle
    assert stage.rooms[THREAD].free == 4


async def test_of_two_claims_on_one_delivery_only_the_one_that_held_counts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Told] = []
    monkeypatch.setattr(telemetry, "listeners", [told.append])
    earlier, latest = claim(1, begun=True), claim(1, begun=True)._replace(fence=Fence(1, 2), attempt=2)
    stage.finder.outdated = {earlier.fence}
    for one in (earlier, latest):
        assert stage.rooms[THREAD].take("r")
        stage.writer.arrive([one])
    for one in (earlier, latest):
        stage.writer.over(over(one, settled=False))
    await stage.rest()
    assert [(one.kind, one.attempt) for one in told] == [(Kind.LOST, 1), (Kind.DELIVERED, 2)]
    assert stage.writer.is_idle
    assert stage.rooms[THREAD].free == 4


async def begun(stage: Stage, key: int) -> Claim:
    """One that is in hand."""
    one = claim(key, begun=True)
    stage.rooms[THREAD].take("r")
    stage.writer.arrive([one])
    await asyncio.sleep(0)
    return one


async def is_settled(stage: Stage) -> bool:
    """Whether it is written down long before patience has an end."""
    for _ in range(50):
        await asyncio.sleep(0.001)
        if stage.writer.is_idle:
            return True
    return False


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caluma_async.events.writer._PATIENCE", 30.0)


@pytest.mark.usefixtures("patient")
async def test_while_requests_are_under_way_what_is_over_is_written_down_later() -> None:
    stage = Stage()
    with requests:
        stage.writer.over(over(await begun(stage, 1), settled=False))
        assert not await is_settled(stage)
    await stage.rest()
    assert [result.fence.id for result in stage.finder.settled] == [1]
    stage.desk.shutdown()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_another_one_of_its_lane_waits_for_is_written_down_at_once(when: str) -> None:
    stage = Stage()
    with requests:
        one = await begun(stage, 1)
        if when == "before":
            stage.writer.expect(LANE)
        stage.writer.over(over(one, settled=False))
        if when == "after":
            stage.writer.expect(LANE)
        assert await is_settled(stage)
        # the lane is empty now: nothing is expected there any more
        stage.writer.over(over(await begun(stage, 2), settled=False))
        assert not await is_settled(stage)
    await stage.rest()
    stage.desk.shutdown()


@pytest.mark.usefixtures("patient")
async def test_what_was_fetched_behind_it_does_not_wait_for_requests() -> None:
    stage = Stage()
    with requests:
        one = await begun(stage, 1)
        stage.writer.arrive([claim(2, begun=False)])
        stage.writer.over(over(one, settled=False))
        assert not await is_settled(stage)  # the second one is in hand
        assert stage.started == [1, 2]
    await stage.rest()
    stage.desk.shutdown()


@pytest.mark.usefixtures("patient")
async def test_a_process_that_drains_lets_nobody_pass() -> None:
    stage = Stage()
    with requests:
        stage.writer.over(over(await begun(stage, 1), settled=False))
        stage.writer.drain()
        assert await is_settled(stage)
        stage.writer.over(over(await begun(stage, 2), settled=False))
        assert await is_settled(stage)
    stage.desk.shutdown()


async def test_while_few_places_are_free_not_each_of_them_is_a_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caluma_async.events.pace._BETWEEN", 1.0)
    room, looks = stage.rooms[THREAD], []
    stage.finder.meanwhile = lambda: looks.append(room.taken)
    room.share(False)
    for _ in range(3):
        assert room.take("r")
    stage.writer.look(THREAD)
    await stage.rest()
    stage.writer.look(THREAD)  # one place is free, and nothing was found for it a moment ago
    await stage.rest()
    assert len(looks) == 1
    room.give("r")  # half of them are free
    stage.writer.look(THREAD)
    await stage.rest()
    assert len(looks) == 2
    assert room.take("r")
    stage.writer.look(THREAD)
    await stage.rest()
    assert len(looks) == 2
    async with asyncio.timeout(10):
        while len(looks) < 3:  # noqa: ASYNC110 - a timer of the writer's
            await asyncio.sleep(0.005)
    await stage.rest()


async def test_where_receivers_take_long_most_of_the_places_have_to_be_free(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caluma_async.events.pace._BETWEEN_AT_MOST", 30.0)
    room, looks = stage.rooms[THREAD], []
    finish = over(await begun(stage, 1))
    finish.ran = 600.0
    stage.writer.over(finish)
    await stage.rest()
    stage.finder.meanwhile = lambda: looks.append(room.taken)
    room.share(False)
    stage.writer.look(THREAD)
    await stage.rest()
    assert len(looks) == 1
    for _ in range(2):
        assert room.take("r")
    stage.writer.look(THREAD)  # half of them are free
    await stage.rest()
    assert len(looks) == 1
    room.give("r")
    stage.writer.look(THREAD)
    await stage.rest()
    assert len(looks) == 2
