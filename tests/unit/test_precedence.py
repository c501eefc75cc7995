"""Requests come first: they are counted from the first byte to the last, and work that can wait lets them pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from caluma_async.events.rounds import Rounds
from caluma_async.lifespan import Lifespan
from caluma_async.precedence import Requests, requests
from caluma_async.serving import protocols

LONG = 30.0


@pytest.mark.parametrize("fails", [False, True])
async def test_a_request_is_under_way_until_its_application_returns(fails: bool) -> None:
    seen: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(requests.are_under_way)
        if fails:
            raise ConnectionError

    served = protocols({}, otherwise=application, lifespan=Lifespan())
    try:
        await served({"type": "http", "path": "/"}, None, None)
    except ConnectionError:
        seen.append(True)
    assert seen == [True] * (1 + fails)
    assert not requests.are_under_way


async def test_where_no_request_was_there_is_nobody_to_wait_for() -> None:
    assert Requests().let_pass(LONG) is None


async def test_what_can_wait_waits_until_no_request_is_under_way_and_none_follows() -> None:
    own = Requests()
    with own:
        first, second = own.let_pass(LONG), own.let_pass(LONG)
        assert first is not None
        assert second is not None
    with own:  # it followed at once
        await asyncio.sleep(0.02)
        assert not first.done()
    assert (own.are_under_way, first.done()) == (False, False)
    async with asyncio.timeout(5):
        await asyncio.gather(first, second)
    assert own.let_pass(LONG) is None


async def test_it_waits_no_longer_than_it_can() -> None:
    own = Requests()
    with own:
        passed = own.let_pass(0.01)
        assert passed is not None
        async with asyncio.timeout(5):
            await passed
        assert own.are_under_way


async def test_what_nobody_awaits_any_more_is_forgotten() -> None:
    own = Requests()
    with own:
        for _ in range(3):
            passed = own.let_pass(LONG)
            assert passed is not None
            passed.set_result(None)
            await passed
        await asyncio.sleep(0)
        assert not own._waiting


def test_requests_of_another_event_loop_are_nobody_to_wait_for() -> None:
    own, found = Requests(), []

    async def served(ask: Callable[[], Any]) -> None:
        with own:
            found.append(await asyncio.to_thread(ask))

    async def asked() -> Any:
        return own.let_pass(LONG)

    asyncio.run(served(lambda: asyncio.run(asked())))
    asyncio.run(served(lambda: None))  # and a new loop can serve
    assert found == [None, None]


class Counted:
    """Rounds that count themselves."""

    def __init__(self, patience: float) -> None:
        self.number = 0
        self.rounds = Rounds(self._round, lambda: None, patience=patience)

    async def _round(self) -> None:
        self.number += 1


async def test_what_comes_up_while_requests_pass_is_done_in_one_round() -> None:
    counted = Counted(LONG)
    with requests:
        for _ in range(5):
            counted.rounds.kick()
            await asyncio.sleep(0.005)
        assert (counted.number, counted.rounds.is_idle) == (0, False)
    async with asyncio.timeout(5):
        await counted.rounds.finish()
    assert counted.number == 1


@pytest.mark.parametrize("while_it_waits", [False, True])
async def test_what_somebody_waits_for_lets_nobody_pass(while_it_waits: bool) -> None:
    counted = Counted(LONG)
    with requests:
        if while_it_waits:
            counted.rounds.kick()
            await asyncio.sleep(0.005)
        counted.rounds.hasten()
        async with asyncio.timeout(5):
            await counted.rounds.finish()
        assert counted.number == 1
        counted.rounds.kick()  # the next one is as patient as ever
        await asyncio.sleep(0.02)
        assert counted.number == 1
    await counted.rounds.finish()


async def test_rounds_without_patience_let_nobody_pass() -> None:
    counted = Counted(0)
    with requests:
        counted.rounds.kick()
        async with asyncio.timeout(5):
            await counted.rounds.finish()
    assert counted.number == 1
