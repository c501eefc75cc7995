"""A client of the WebSocket at `/graphql`: straight into the application, without a network, or over it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.live.app import LiveApp
from caluma_async.graphql.schema import schema

PROTOCOL: Final = "graphql-transport-ws"
PATIENCE: Final = 20


class Closed(Exception):
    """The server ended the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Client:
    """One connection into an ASGI application. What the server sends waits until it is asked for."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()

    async def send_to_client(self, message: dict[str, Any]) -> None:
        """What the application calls; waits while the client does not read."""
        await self.reads.wait()
        await self.from_server.put(message)

    async def message(self) -> dict[str, Any]:
        """The next message as ASGI has it."""
        async with asyncio.timeout(PATIENCE):
            return await self.from_server.get()

    async def next(self) -> dict[str, Any]:
        """The next message of the protocol; raises `Closed`."""
        message = await self.message()
        if message["type"] == "websocket.close":
            raise Closed(message.get("code", 1000), message.get("reason", ""))
        answer: dict[str, Any] = json.loads(message["text"])
        return answer

    async def say(self, message: Any) -> None:
        """Send a message."""
        text = message if isinstance(message, str) else json.dumps(message)
        await self.to_server.put({"type": "websocket.receive", "text": text})

    async def begin(self, **payload: Any) -> None:
        """Say who it is, and be let in."""
        await self.say({"type": "connection_init", "payload": payload})
        answer = await self.next()
        assert answer["type"] == "connection_ack", answer

    async def subscribe(self, query: str, key: str = "1", **variables: Any) -> None:
        """Subscribe, and wait until the server has got so far that a ping comes back."""
        payload = {"query": query, "variables": variables}
        await self.say({"id": key, "type": "subscribe", "payload": payload})

    async def pushed(self, key: str = "1") -> dict[str, Any]:
        """The data that is pushed next."""
        answer = await self.next()
        assert (answer["type"], answer["id"]) == ("next", key), answer
        assert "errors" not in answer["payload"], answer
        data: dict[str, Any] = answer["payload"]["data"]
        return data


@asynccontextmanager
async def connected(application: Any = None, **scope: Any) -> AsyncIterator[Client]:
    """A connection whose handshake was accepted; at the end the client leaves and the application is waited for."""
    async with dialled(application, **scope) as client:
        accepted = await client.message()
        assert accepted == {"type": "websocket.accept", "subprotocol": PROTOCOL}, accepted
        yield client


@asynccontextmanager
async def dialled(application: Any = None, **scope: Any) -> AsyncIterator[Client]:
    """A connection that asks to be accepted."""
    client = Client()
    headers = [(b"host", b"localhost"), *scope.pop("headers", [])]
    given = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "headers": headers,
        "subprotocols": [PROTOCOL],
        "client": ("127.0.0.1", 1),
        **scope,
    }
    await client.to_server.put({"type": "websocket.connect"})
    application = application or LiveApp(GraphQLApp(schema))
    serving = asyncio.create_task(application(given, client.to_server.get, client.send_to_client))
    try:
        yield client
    finally:
        client.reads.set()
        await client.to_server.put({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(PATIENCE):
            await serving
