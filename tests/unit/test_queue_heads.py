"""One at a time in a lane, also where a receiver's own transaction settles its delivery before the engine is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from caluma_async.connections import KeptConnections
from caluma_async.events import EventType, on
from caluma_async.events.carriers.base import ASYNC, THREAD
from caluma_async.events.clerk import Clerk, Report, Round
from caluma_async.events.crew import Desk
from caluma_async.events.executor import Assignment
from caluma_async.events.lanes import Room
from caluma_async.events.outbox import Claim, Result, StoredEvent
from caluma_async.events.registry import registry
from caluma_async.events.runner import Finish
from caluma_async.events.states import State
from caluma_async.events.writer import Writer
from caluma_async.keys import uuid7

LANE = "r|case:1"


class Finder:
    """A clerk that finds what it is told to, and settles everything."""

    def __init__(self) -> None:
        self.finds: list[Claim] = []

    def work(self, todo: Round) -> Report:
        """What was to be found is found by the next look."""
        found = self.finds if todo.looks else []
        self.finds = [] if todo.looks else self.finds
        return Report(
            accepted={result.fence.id for result in todo.results} | todo.settled,
            begun={fence.id for fence in todo.successors.values()},
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
    return Claim(id=key, claims=1, attempt=int(begun), receiver="r", lane=LANE, begun=begun, event=event)


def over(one: Claim) -> Finish:
    receiver = registry.find("r")
    assert receiver is not None
    assignment = Assignment(one, receiver, 0.0)
    return Finish(assignment, Result(fence=one.fence, state=State.DELIVERED), settled=True)


async def test_what_waits_behind_the_next_one_waits_until_that_one_is_over() -> None:
    finder, started, kept = Finder(), [], KeptConnections()
    desk = Desk("clerk", kept)
    rooms = {ASYNC: Room(4), THREAD: Room(4)}
    writer = Writer(
        cast("Clerk", finder), desk, rooms, lambda these: started.extend(one.claim.id for one in these), lambda: None
    )
    first, second, third = claim(1, begun=True), claim(2, begun=True), claim(3, begun=False)
    rooms[THREAD].take(1)
    writer.arrive([first])
    # the first one is settled by now, and a look finds what comes after it before anybody says that it is over
    finder.finds = [second, third]
    writer.look(THREAD)
    await writer.finish()
    writer.over(over(first))
    await writer.finish()
    assert started == [1, 2]
    writer.over(over(second))
    await writer.finish()
    assert started == [1, 2, 3]
    writer.over(over(claim(3, begun=True)))
    await writer.finish()
    assert rooms[THREAD].free == 4
    desk.shutdown()
