"""Subscriptions on PostgreSQL: what idle ones cost a mutation, and how soon another process sees a commit."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import ExitStack

from benchmarks import idle
from benchmarks.http_mutations import SAVE_CASE, prepare
from benchmarks.load import Connection
from benchmarks.report import Options, Row
from benchmarks.server import fresh_database, manage, running_server
from benchmarks.subscriber import CREATED_CASES, connected, pushed, settled, subscribe

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379") + "/8"


def run(options: Options) -> list[Row]:
    """What idle subscribers cost saveCase; from the answer to the push on another process."""
    rows: list[Row] = []
    for logged in (False, True):
        settings = {"EVENT_LOG": str(logged).lower()}
        kind = "log on" if logged else "log off"
        with fresh_database(options.database) as database:
            manage(database, "migrate", "--verbosity", "0")
            with running_server(database, workers=1, **settings) as server:
                asyncio.run(prepare(server.port))
                rows += asyncio.run(idle.measure(server, options.seconds, kind))
            settings["CHANNEL_LAYER_URL"] = REDIS
            with ExitStack() as opened:
                one, other = (opened.enter_context(running_server(database, workers=1, **settings)) for _ in range(2))
                rows += asyncio.run(_across(one.port, other.port, kind))
    return rows


async def _across(one: int, other: int, kind: str) -> list[Row]:
    delays: list[float] = []
    async with connected(one) as socket:
        await subscribe(socket, CREATED_CASES)
        await settled(socket)
        connection = Connection(other)
        await connection.open()
        for _ in range(210):
            await connection.post({"query": SAVE_CASE})
            answered = time.perf_counter()
            await pushed(socket)
            delays.append(max(time.perf_counter() - answered, 0.0))
        await connection.close()
    delays = sorted(delays[10:])
    scenario = f"from the answer on one process to the push on another, {kind}"
    return [
        Row(scenario=scenario, figure=figure, value=delays[at] * 1000, unit="ms")
        for figure, at in (("median", len(delays) // 2), ("95 %", len(delays) * 95 // 100), ("longest", -1))
    ]
