"""The monitor's socket: who is let in, what is pushed and when, and that nothing is left when the last one leaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client as Browser

from caluma_async.events import asend_event, feed
from caluma_async.events.models import Delivery, State
from caluma_async.events.telemetry import Kind
from caluma_async.monitor import board, live
from caluma_async.monitor.live import MonitorApp, desk
from tests.integration.delivery_stage import Stage, stage
from tests.integration.engine import delivering
from tests.live_client import Client, dialled

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    assert not feed.deliveries
    assert desk._thread is None
    desk._board = None


@pytest.fixture
def parcels() -> Iterator[Stage]:
    with stage() as found:
        found.failing = {2}
        yield found


def session_of(**options: Any) -> str:
    """The cookie of somebody who logged in."""
    browser = Browser()
    browser.force_login(User.objects.create_user("chief", **options))
    return browser.cookies["sessionid"].value


@asynccontextmanager
async def calling(cookie: str = "", origin: str = "http://localhost", query: str = "") -> AsyncIterator[Client]:
    headers = [(b"origin", origin.encode()), (b"cookie", f"sessionid={cookie}".encode())]
    async with dialled(MonitorApp(), headers=headers, subprotocols=[], query_string=query.encode()) as client:
        yield client


@asynccontextmanager
async def watching(query: str = "", **options: Any) -> AsyncIterator[Client]:
    cookie = await sync_to_async(session_of)(is_staff=True, **options)
    async with calling(cookie, query=query) as client:
        assert await client.message() == {"type": "websocket.accept"}
        yield client


async def until(client: Client, part: str, holds: Callable[[str], bool]) -> str:
    """Wait until a part of the page says so."""
    while True:
        parts: dict[str, str] = json.loads((await client.message())["text"])["parts"]
        if part in parts and holds(parts[part]):
            return parts[part]


@pytest.mark.parametrize(
    ("options", "origin"),
    [
        (None, "http://localhost"),
        ({}, "http://localhost"),
        ({"is_staff": True, "is_active": False}, "http://localhost"),
        ({"is_staff": True}, "http://elsewhere.example"),
        ({"is_staff": True}, "http://localhost:81"),
        ({"is_staff": True}, "null"),
        ({"is_staff": True}, "http://[localhost"),
    ],
)
async def test_only_staff_is_let_in_and_only_from_the_servers_own_pages(
    options: dict[str, Any] | None, origin: str
) -> None:
    cookie = "" if options is None else await sync_to_async(session_of)(**options)
    async with calling(cookie, origin) as client:
        assert await client.message() == {"type": "websocket.close", "code": 4403}


async def test_the_whole_page_comes_first_and_then_what_changes(parcels: Stage) -> None:
    async with watching() as client, delivering() as (_, heard):
        first = json.loads((await client.message())["text"])["parts"]
        assert set(first) == {"tiles", "chart", "receivers", "kept", "stream", "chain"}
        await asend_event(parcels.event, "test", number=2, street=None)
        await heard.until(Kind.FAILED)
        kept = await until(client, "kept", lambda html: "parcel 2 is torn" in html)
        assert 'name="retry"' not in kept


async def test_who_may_act_is_offered_the_buttons(parcels: Stage) -> None:
    await sync_to_async(parcels.send)(1)
    await Delivery.objects.aupdate(state=State.HELD)
    async with watching(is_superuser=True) as client:
        await until(client, "kept", lambda html: 'name="retry"' in html)


async def test_a_chain_is_kept_up_to_date(parcels: Stage) -> None:
    await sync_to_async(parcels.send)(1)
    delivery = await Delivery.objects.aget()
    async with watching(query=f"event={delivery.event_id}") as client:
        await until(client, "chain", lambda html: "waiting" in html)
        await Delivery.objects.aupdate(state=State.DISCARDED)
        await until(client, "chain", lambda html: "discarded" in html)


async def test_what_nobody_tells_of_is_found_by_looking(parcels: Stage) -> None:
    async with watching() as client:
        await client.message()
        await sync_to_async(parcels.send)(1)
        await until(client, "stream", lambda html: "porter" in html)


async def test_who_logs_out_gets_no_more(parcels: Stage) -> None:
    async with watching() as client:
        await client.message()
        await User.objects.aupdate(is_staff=False)
        while (message := await client.message())["type"] == "websocket.send":
            assert "parts" in message["text"]
        assert message == {"type": "websocket.close", "code": 4403}


async def test_it_goes_on_when_the_database_was_away(monkeypatch: pytest.MonkeyPatch, parcels: Stage) -> None:
    read, calls = board.board, []

    def unsteady() -> board.Board:
        calls.append(None)
        if len(calls) == 2:
            raise OperationalError("gone")
        return read()

    monkeypatch.setattr(board, "board", unsteady)
    async with watching() as client:
        await client.message()
        await sync_to_async(parcels.send)(1)
        await until(client, "stream", lambda html: "porter" in html)
    assert len(calls) >= 3


async def test_sockets_share_one_reading_of_the_table(monkeypatch: pytest.MonkeyPatch, parcels: Stage) -> None:
    read, calls = board.board, []

    def counted() -> board.Board:
        calls.append(None)
        return read()

    monkeypatch.setattr(board, "board", counted)
    monkeypatch.setattr(live, "SHARE", 1_000_000)
    cookie = await sync_to_async(session_of)(is_staff=True)
    async with calling(cookie) as one, calling(cookie) as other:
        for client in (one, other):
            await client.message()
            await client.message()
    assert len(calls) == 1
