"""The monitor's socket: pushes the parts of the page that have changed, to staff who are logged in.

It is no GraphQL subscription, as the user of a session is none of GraphQL's users.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Any, Final, ParamSpec, Self, TypeVar, cast
from urllib.parse import urlsplit

from django.contrib import auth
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from caluma_async.connections import KeptConnections
from caluma_async.events import feed
from caluma_async.events.feed import Bell, Changed
from caluma_async.monitor import board
from caluma_async.monitor.board import Board
from caluma_async.monitor.parts import parts
from caluma_async.monitor.views import PERMISSION, event_of

P = ParamSpec("P")
R = TypeVar("R")
logger = logging.getLogger("caluma_async.events")

PERIOD: Final = 1.0
"""Seconds between two looks if nothing is heard of: what other processes do is heard of only through Redis."""

BREATH: Final = 0.25
"""Seconds between two looks at least."""

SHARE: Final = 20
"""The table is read so many times more seldom than reading it takes, however many look on."""

REFUSED: Final = 4403


class Refused(Exception):
    """Whoever is at the other end is not, or not any more, one of the staff."""


class Desk:
    """One thread that reads for all sockets of a process, with a connection; it is there while there are sockets."""

    def __init__(self) -> None:
        self._sockets = 0
        self._thread: ThreadPoolExecutor | None = None
        self._connections = KeptConnections()
        self._board: Board | None = None
        self._due = 0.0

    def __enter__(self) -> Self:
        self._sockets += 1
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="monitor")
        return self

    def __exit__(self, *exception: object) -> None:
        self._sockets -= 1
        if not self._sockets and self._thread is not None:
            self._thread.submit(self._connections.close)
            self._thread.shutdown(wait=False)
            self._thread = None

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function that uses the database."""
        call = partial(self._unit, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def board(self) -> Board:
        """The board as it is now, or was a little while ago if reading it takes long. In the thread."""
        if self._board is None or time.monotonic() >= self._due:
            began = time.monotonic()
            self._board = board.board()
            ended = time.monotonic()
            self._due = ended + (ended - began) * SHARE
        return self._board

    def _unit(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        with self._connections.unit():
            return function(*args, **kwargs)


desk: Final = Desk()


class MonitorApp:
    """The ASGI application for WebSockets at `/monitor/live`."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI `websocket` scope."""
        await receive()
        with desk:
            if not await self._is_welcome(scope):
                await send({"type": "websocket.close", "code": REFUSED})
                return
            await send({"type": "websocket.accept"})
            pushing = asyncio.create_task(self._push(scope, send))
            try:
                while (await receive())["type"] != "websocket.disconnect":
                    pass  # nothing that a client may say means anything
            finally:
                pushing.cancel()
                await asyncio.gather(pushing, return_exceptions=True)

    async def _is_welcome(self, scope: Any) -> bool:
        try:
            request = _request(scope)
            if urlsplit(request.headers.get("Origin", "")).netloc != request.get_host():
                return False
            await desk.call(_enter, request)
        except (Refused, DisallowedHost, UnicodeDecodeError, ValueError):
            return False
        return True

    async def _push(self, scope: Any, send: Any) -> None:
        sent: dict[str, str] = {}
        bell: Bell[Changed] = Bell()
        feed.deliveries.join(bell)
        try:
            while True:
                try:
                    now = await desk.call(_read, scope)
                except Refused:
                    await send({"type": "websocket.close", "code": REFUSED})
                    return
                except DatabaseError as error:
                    logger.warning("The monitor could not read: %s.", type(error).__name__)
                    now = sent
                changed = {name: part for name, part in now.items() if sent.get(name) != part}
                await send({"type": "websocket.send", "text": json.dumps({"parts": changed})})
                sent = now
                await _wait(bell)
        finally:
            feed.deliveries.leave(bell)


async def _wait(bell: Bell[Changed]) -> None:
    await asyncio.sleep(BREATH)
    with suppress(TimeoutError):
        async with asyncio.timeout(PERIOD - BREATH):
            await bell.rung()


def _read(scope: Any) -> dict[str, str]:
    """The page as it is now. Whoever has logged out meanwhile gets no more of it."""
    request = _request(scope)
    _enter(request)
    event = event_of(request.GET)
    return parts(
        desk.board(), event=event, chain=board.chain(event), may_act=cast("Any", request.user).has_perm(PERMISSION)
    )


def _request(scope: Any) -> HttpRequest:
    """The handshake as Django sees requests."""
    return ASGIRequest({**scope, "type": "http", "method": "GET"}, BytesIO())


def _enter(request: HttpRequest) -> None:
    """Find out whose session it is; raises `Refused` unless it is one of the staff."""
    SessionMiddleware(_no_response).process_request(request)
    request.user = auth.get_user(request)
    if not (request.user.is_active and request.user.is_staff):
        raise Refused


def _no_response(request: HttpRequest) -> HttpResponse:
    raise AssertionError("unreachable: only the session is taken of the middleware")
