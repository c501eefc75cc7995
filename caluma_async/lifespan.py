"""What runs beside the requests of one server process: started before the first, stopped after the last.

Knows the order and the ASGI protocol for it; what the parts do is their own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

Step = Callable[[], Awaitable[object]]
logger = logging.getLogger("caluma_async.lifespan")


@dataclass(frozen=True)
class Part:
    """Something that is started and stopped with the process; either may be absent."""

    name: str
    _: KW_ONLY
    start: Step | None = None
    stop: Step | None = None


class Lifespan:
    """The parts of a process and the ASGI `lifespan` application over them.

    Parts start in the order of their registration and stop in the opposite one. A part whose start fails is not
    stopped; those before it are, and the error goes on. A failing stop is logged and hinders no other.
    """

    def __init__(self) -> None:
        self._registered: list[Part] = []
        self._started: list[Part] = []

    def register(self, name: str, *, start: Step | None = None, stop: Step | None = None) -> None:
        """Take a part in. Before `start`, or it is not started."""
        self._registered.append(Part(name, start=start, stop=stop))

    async def start(self) -> None:
        """Start every part that does not run yet."""
        for part in [part for part in self._registered if part not in self._started]:
            try:
                if part.start is not None:
                    await part.start()
            except BaseException:
                await self.stop()
                raise
            self._started.append(part)

    async def stop(self) -> None:
        """Stop every part that runs; nothing happens the second time, or before `start`."""
        while self._started:
            part = self._started.pop()
            try:
                if part.stop is not None:
                    await part.stop()
            except Exception:
                logger.exception("Stopping %s failed.", part.name)

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve the ASGI `lifespan` scope: start on `startup`, stop on `shutdown`."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if not await self._answer_startup(send):
                    return
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer_startup(self, send: Callable[[Any], Awaitable[None]]) -> bool:
        try:
            await self.start()
        except Exception as error:
            logger.exception("The start failed.")
            await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
            return False
        await send({"type": "lifespan.startup.complete"})
        return True
