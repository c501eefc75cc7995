"""Which ASGI application answers which request, and what runs beside them. The applications are made elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.routing import ProtocolTypeRouter

from caluma_async.access import authentication
from caluma_async.conf import settings
from caluma_async.graphql import database
from caluma_async.graphql.perform import under_way
from caluma_async.lifespan import Lifespan

Application = Callable[[Any, Any, Any], Awaitable[None]]


def protocols(paths: Mapping[str, Application], *, otherwise: Application, lifespan: Lifespan) -> Application:
    """The application of a server process: HTTP by path (exactly, with or without a slash at its end), lifespan."""
    routes = {variant: application for path, application in paths.items() for variant in (path, f"{path}/")}

    async def http(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
        await routes.get(path, otherwise)(scope, receive, send)

    application: Application = ProtocolTypeRouter({"http": http, "websocket": refuse_websocket, "lifespan": lifespan})
    return application


async def refuse_websocket(scope: Any, receive: Any, send: Any) -> None:
    """Close before accepting, which the server answers with 403: nothing is served over WebSocket."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})


def register_database(lifespan: Lifespan) -> None:
    """Register first, so that it stops last: the threads that work with the database."""

    async def close() -> None:
        await asyncio.to_thread(database.threads.close)

    lifespan.register("database threads", stop=close)


def register_authentication(lifespan: Lifespan) -> None:
    """Close the connections to the identity provider."""
    lifespan.register("authentication", stop=authentication.close)


def register_mutations(lifespan: Lifespan) -> None:
    """Register last, so that it stops first: a stop waits for the mutations under way."""

    async def finish() -> None:
        await under_way.finished(settings.SHUTDOWN_TIMEOUT)

    lifespan.register("mutations", stop=finish)
