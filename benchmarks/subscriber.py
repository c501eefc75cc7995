"""A client of the WebSocket that subscribes: as little of one as a measurement needs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

OF_ONE_FAMILY = "subscription($family: ID) { events(family: $family) { id name workItem { id status } } }"
CREATED_CASES = 'subscription { events(types: ["post_create_case"]) { id name case { id status } } }'
PATIENCE = 10


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[ClientConnection]:
    """A connection that was let in. Like a browser it answers pings and sends none."""
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    address = f"ws://127.0.0.1:{port}/graphql"
    async with connect(address, subprotocols=protocols, max_queue=None, ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        yield socket


async def subscribe(socket: ClientConnection, query: str, **variables: Any) -> None:
    """Ask for a subscription; nothing says when it is in force."""
    payload = {"query": query, "variables": variables}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))


async def settled(socket: ClientConnection, times: int = 20) -> None:
    """Wait until the server has read what was said, and has had time to act on it."""
    for _ in range(times):
        await socket.send(json.dumps({"type": "ping"}))
        while json.loads(await socket.recv())["type"] != "pong":
            pass
        await asyncio.sleep(0.02)


async def pushed(socket: ClientConnection) -> None:
    """Wait for an event; raises `TimeoutError`."""
    async with asyncio.timeout(PATIENCE):
        while json.loads(await socket.recv())["type"] != "next":
            pass
