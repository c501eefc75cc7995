"""Subscriptions on PostgreSQL: what idle ones cost a mutation, and how soon another process sees a commit."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.http_mutations import SAVE_CASE, SAVE_TASK, SAVE_WORKFLOW
from benchmarks.load import Connection, closed_loop
from benchmarks.report import Options, Row
from benchmarks.server import fresh_database, manage, running_server

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379") + "/8"
IDLE = 500
ROUNDS = 4

OF_ONE_FAMILY = "subscription($family: ID) { events(family: $family) { id name workItem { id status } } }"
ALL = 'subscription { events(types: ["post_create_case"]) { id name case { id status } } }'


def run(options: Options) -> list[Row]:
    """Median latency of saveCase with and without idle subscribers; from the answer to the push on another process."""
    rows: list[Row] = []
    for logged in (False, True):
        settings = {"EVENT_LOG": str(logged).lower(), "LIVE_SUBSCRIPTIONS": "50"}
        kind = "log on" if logged else "log off"
        with fresh_database(options.database) as database:
            manage(database, "migrate", "--verbosity", "0")
            with running_server(database, workers=1, **settings) as port:
                rows += asyncio.run(_idle(port, options.seconds, kind))
            settings["CHANNEL_LAYER_URL"] = REDIS
            with ExitStack() as opened:
                one, other = (opened.enter_context(running_server(database, workers=1, **settings)) for _ in range(2))
                rows += asyncio.run(_across(one, other, kind))
    return rows


async def _idle(port: int, seconds: float, kind: str) -> list[Row]:
    await _prepare(port)
    case = await _save_case(port)
    without: list[float] = []
    beside: list[float] = []
    await closed_loop(port, 1, 2.0, itertools.repeat({"query": SAVE_CASE}))
    # in turns, so that both are measured on the same machine
    for _ in range(ROUNDS):
        without += (await closed_loop(port, 1, seconds / 2, itertools.repeat({"query": SAVE_CASE}))).latencies
        async with AsyncExitStack() as opened:
            for _ in range(IDLE // 50):
                socket = await opened.enter_async_context(_connected(port))
                for number in range(50):
                    await _subscribe(socket, OF_ONE_FAMILY, str(number), family=case)
                await _pong(socket)
            beside += (await closed_loop(port, 1, seconds / 2, itertools.repeat({"query": SAVE_CASE}))).latencies
    median, peer = statistics.median(beside) * 1000, statistics.median(without) * 1000
    scenario = f"saveCase, 1 client, {IDLE} idle subscribers, {kind}"
    return [
        Row(
            scenario=scenario,
            figure="median",
            value=median,
            unit="ms",
            peer=f"no subscribers, {peer:.2f} ms",
            ratio=median / peer,
        )
    ]


async def _across(one: int, other: int, kind: str) -> list[Row]:
    delays: list[float] = []
    async with _connected(one) as socket:
        await _subscribe(socket, ALL, "1")
        await _pong(socket)
        connection = Connection(other)
        await connection.open()
        for _ in range(210):
            await connection.post({"query": SAVE_CASE})
            answered = time.perf_counter()
            await socket.recv()
            delays.append(max(time.perf_counter() - answered, 0.0))
        await connection.close()
    delays = sorted(delays[10:])
    scenario = f"from the answer on one process to the push on another, {kind}"
    return [
        Row(scenario=scenario, figure=figure, value=delays[at] * 1000, unit="ms")
        for figure, at in (("median", len(delays) // 2), ("95 %", len(delays) * 95 // 100), ("longest", -1))
    ]


async def _prepare(port: int) -> None:
    connection = Connection(port)
    await connection.open()
    for slug in ("first", "second"):
        await connection.post({"query": SAVE_TASK, "variables": {"slug": slug}})
    await connection.post({"query": SAVE_WORKFLOW})
    await connection.close()


async def _save_case(port: int) -> str:
    connection = Connection(port)
    await connection.open()
    answer = await connection.post({"query": SAVE_CASE})
    await connection.close()
    key: str = answer["data"]["saveCase"]["case"]["id"]
    return key


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[ClientConnection]:
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=protocols, max_queue=None) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        yield socket


async def _subscribe(socket: ClientConnection, query: str, key: str, **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await socket.send(json.dumps({"id": key, "type": "subscribe", "payload": payload}))


async def _pong(socket: ClientConnection) -> None:
    """Wait until the server has read what was said, and has had time to act on it."""
    for _ in range(20):
        await socket.send(json.dumps({"type": "ping"}))
        while json.loads(await socket.recv())["type"] != "pong":
            pass
        await asyncio.sleep(0.02)
