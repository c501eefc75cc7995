"""Which ASGI application answers which request, and what runs beside them. The applications are made elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from channels.routing import ProtocolTypeRouter

from caluma_async.access import authentication
from caluma_async.conf import settings
from caluma_async.events.bus import bus
from caluma_async.graphql import database
from caluma_async.graphql.perform import under_way
from caluma_async.lifespan import Lifespan
from caluma_async.precedence import requests

Application = Callable[[Any, Any, Any], Awaitable[None]]


def protocols(
    paths: Mapping[str, Application],
    *,
    websockets: Mapping[str, Application] = MappingProxyType({}),
    otherwise: Application,
    lifespan: Lifespan,
) -> Application:
    """The application of a server process: by path (exactly, with or without a slash at its end), and lifespan."""
    application: Application = ProtocolTypeRouter(
        {
            "http": _counted(_routed(paths, otherwise)),
            "websocket": _routed(websockets, refuse_websocket),
            "lifespan": lifespan,
        }
    )
    return application


def _routed(paths: Mapping[str, Application], otherwise: Application) -> Application:
    routes = {variant: application for path, application in paths.items() for variant in (path, f"{path}/")}

    async def route(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
        await routes.get(path, otherwise)(scope, receive, send)

    return route


def _counted(application: Application) -> Application:
    """Let others know that a request is under way."""

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        with requests:
            await application(scope, receive, send)

    return counted


async def refuse_websocket(scope: Any, receive: Any, send: Any) -> None:
    """Close before accepting, which the server answers with 403: nothing is served over WebSocket there."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})


def register_database(lifespan: Lifespan) -> None:
    """Register first, so that it stops last: the threads that work with the database."""

    async def close() -> None:
        await asyncio.to_thread(database.threads.close)
        await asyncio.to_thread(database.live_threads.close)

    lifespan.register("database threads", stop=close)


def register_authentication(lifespan: Lifespan) -> None:
    """Close the connections to the identity provider."""
    lifespan.register("authentication", stop=authentication.close)


def register_bus(lifespan: Lifespan) -> None:
    """Hear what other processes commit, where there is a channel layer."""

    async def start() -> None:
        await asyncio.to_thread(bus.start)

    async def stop() -> None:
        await asyncio.to_thread(bus.close)

    lifespan.register("channel layer", start=start, stop=stop)


def register_mutations(lifespan: Lifespan) -> None:
    """Register last, so that it stops first: a stop waits for the mutations under way."""

    async def finish() -> None:
        await under_way.finished(settings.SHUTDOWN_TIMEOUT)

    lifespan.register("mutations", stop=finish)
