"""Messages between processes, through a channel layer (Redis). Says nothing about what they mean.

It has a thread with an event loop of its own: whoever sends does not wait, and commands without a loop can send too.
A message that cannot be sent is lost; what must not be lost stands in the database.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from django.utils.module_loading import import_string

from caluma_async.conf import settings
from caluma_async.errors import Misconfigured

logger = logging.getLogger("caluma_async.events")

LAYER: Final = "channels_redis.pubsub.RedisPubSubChannelLayer"
GROUP: Final = "events"

_MOST: Final = 10_000
_PAUSE: Final = 1.0
_FAREWELL: Final = 2.0


class Bus:
    """Sends and receives while `CHANNEL_LAYER_URL` is set, else does nothing. `on_message` gets what others sent."""

    def __init__(self) -> None:
        self.on_message: Callable[[dict[str, Any]], None] = _ignore
        self._own = uuid4().hex
        self._lock = threading.Lock()
        self._outgoing: deque[dict[str, Any]] = deque(maxlen=_MOST)
        self._running: _Running | None = None

    def send(self, message: dict[str, Any]) -> None:
        """Tell all other processes. On any thread; does not wait, and does not raise for what Redis does."""
        if settings.CHANNEL_LAYER_URL:
            self._outgoing.append(message)
            self._run().wake()

    def start(self) -> None:
        """Begin to receive."""
        if settings.CHANNEL_LAYER_URL:
            self._run().listen()

    def close(self) -> None:
        """Send what is left, for up to two seconds, and stop; nothing happens the second time."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.stop()

    def forget(self) -> None:
        """In the child of a fork: the thread is the parent's."""
        self.__init__()  # type: ignore[misc]

    def _run(self) -> _Running:
        with self._lock:
            if self._running is None:
                self._running = _Running(_layer(settings.CHANNEL_LAYER_URL), self)
            return self._running

    def taken(self) -> list[dict[str, Any]]:
        """What is to be sent."""
        found = []
        while self._outgoing:
            found.append(self._outgoing.popleft())
        return found

    def receive(self, message: dict[str, Any]) -> None:
        """Hand over what others sent."""
        if message.get("from") != self._own:
            for part in message["parts"]:
                self.on_message(part)

    def packed(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        """One message of many."""
        return {"from": self._own, "parts": parts}


class _Loop(asyncio.SelectorEventLoop):
    """Looks names up on its own thread: no executor does while the interpreter ends, when short commands send."""

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        """Addresses of a host; others on this loop wait, and without Redis they have nothing to do."""
        return socket.getaddrinfo(*args, **kwargs)


class _Running:
    """The thread of a bus, from its start to its end."""

    def __init__(self, layer: Any, bus: Bus) -> None:
        self._layer = layer
        self._bus = bus
        self._loop = _Loop()
        self._news = asyncio.Event()
        self._stopping = False
        self._receiver: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._work, name="events-bus", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        self._loop.call_soon_threadsafe(self._news.set)

    def listen(self) -> None:
        """Receive, too. Returns when it does, or when Redis does not answer in time."""
        asyncio.run_coroutine_threadsafe(self._begin_to_receive(), self._loop).result(_FAREWELL + 10)

    def stop(self) -> None:
        """Send what is left, and end."""
        self._stopping = True
        self.wake()
        self._thread.join(_FAREWELL + 1)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._send_all())
        finally:
            self._loop.close()

    async def _send_all(self) -> None:
        try:
            while not self._stopping or self._bus_has_more():
                await self._send_next()
        finally:
            if self._receiver is not None:
                self._receiver.cancel()
                await asyncio.gather(self._receiver, return_exceptions=True)
            await self._layer.flush()

    def _bus_has_more(self) -> bool:
        return bool(self._bus._outgoing)

    async def _send_next(self) -> None:
        if not self._bus_has_more():
            self._news.clear()
            if not (self._stopping or self._bus_has_more()):
                await self._news.wait()
        parts = self._bus.taken()
        if not parts:
            return
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._layer.group_send(GROUP, self._bus.packed(parts))
        except Exception as error:  # noqa: BLE001 - whatever Redis does, it goes on without
            logger.warning("Other processes could not be told of %d changes: %s.", len(parts), type(error).__name__)
            if not self._stopping:
                await asyncio.sleep(_PAUSE)

    async def _begin_to_receive(self) -> None:
        if self._receiver is None:
            ready = asyncio.Event()
            self._receiver = asyncio.create_task(self._receive_all(ready))
            try:
                async with asyncio.timeout(_FAREWELL):
                    await ready.wait()
            except TimeoutError:
                logger.warning("Redis does not answer: what other processes commit is not heard of yet.")

    async def _receive_all(self, ready: asyncio.Event) -> None:
        while True:
            try:
                channel = await self._layer.new_channel()
                await self._layer.group_add(GROUP, channel)
                ready.set()
                while True:
                    self._bus.receive(await self._layer.receive(channel))
            except Exception as error:  # noqa: BLE001 - whatever Redis does, it is tried again
                logger.warning("Other processes cannot be heard: %s.", type(error).__name__)
                await asyncio.sleep(_PAUSE)


def _ignore(message: dict[str, Any]) -> None:
    """Until somebody listens."""


def _layer(url: str) -> Any:
    try:
        kind = import_string(LAYER)
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == LAYER.partition(".")[0]:
            raise Misconfigured("CHANNEL_LAYER_URL needs channels-redis: pip install 'caluma-async[redis]'.") from error
        raise Misconfigured(f"CHANNEL_LAYER_URL needs {LAYER}, which cannot be imported: {error}.") from error
    return kind(hosts=[url], prefix="caluma_async")


bus: Final = Bus()
atexit.register(bus.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=bus.forget)
