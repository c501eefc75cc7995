"""What subscribers who wait for something else cost a mutation.

Each has a WebSocket of its own and subscribes to the family of a case of its own, in which nothing happens meanwhile.
Rounds with and without them take turns on one server, so that both are measured on the same machine; the ratio is the
median over the rounds, of each against those before and after it.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection

from benchmarks.http_mutations import SAVE_CASE
from benchmarks.load import Connection, closed_loop
from benchmarks.report import Row
from benchmarks.server import Running
from benchmarks.subscriber import OF_ONE_FAMILY, connected, pushed, settled, subscribe
from tests.acceptance.processes import memory, processor_time

IDLE = 500
ROUNDS = 8
SUSPEND_CASE = "mutation($id: ID!) { suspendCase(input: {id: $id}) { case { id } } }"
_WARM = 0.5
_AT_REST = 0.1
_KILOBYTE = 1024


class Round(NamedTuple):
    """Of one round, in ms: the median latency, and the server's processor time per mutation."""

    latency: float
    processor: float


async def measure(server: Running, seconds: float, kind: str) -> list[Row]:
    """Latency and processor time of saveCase beside idle subscribers, and the memory that one of them takes."""
    cases = [await _save_case(server.port) for _ in range(IDLE)]
    without = [await _round(server, seconds / 2)]
    beside: list[Round] = []
    size = 0
    for number in range(ROUNDS):
        before = memory(server.pid)
        async with _subscribed(server.port, cases) as sockets:
            size = size or memory(server.pid) - before
            beside.append(await _round(server, seconds / 2))
            # the last ones: those before them are subscribed too
            await _prove(server.port, sockets[-1 - number], cases[-1 - number])
        without.append(await _round(server, seconds / 2))
    scenario = f"saveCase, 1 client, {IDLE} idle subscribers, {kind}"
    return [
        _row(scenario, "median", [one.latency for one in beside], [one.latency for one in without]),
        _row(scenario, "processor time", [one.processor for one in beside], [one.processor for one in without]),
        Row(scenario=scenario, figure="memory of one", value=size / IDLE / _KILOBYTE, unit="kB"),
    ]


def _row(scenario: str, figure: str, beside: Sequence[float], without: Sequence[float]) -> Row:
    around = [statistics.mean(pair) for pair in itertools.pairwise(without)]
    ratios = sorted(one / peer for one, peer in zip(beside, around, strict=True))
    return Row(
        scenario=scenario,
        figure=figure,
        value=statistics.median(beside),
        unit="ms",
        peer=f"no subscribers, {statistics.median(without):.2f} ms; {ratios[0]:.2f} to {ratios[-1]:.2f}",
        ratio=statistics.median(ratios),
    )


async def _round(server: Running, seconds: float) -> Round:
    bodies = itertools.repeat({"query": SAVE_CASE})
    await _quiet(server)
    await closed_loop(server.port, 1, _WARM, bodies)
    before = processor_time(server.pid)
    measured = await closed_loop(server.port, 1, seconds, bodies)
    spent = processor_time(server.pid) - before
    return Round(measured.median_ms, spent / len(measured.latencies) * 1000)


async def _quiet(server: Running) -> None:
    """Wait until the server has done with those who came or went."""
    while True:
        before = processor_time(server.pid)
        await asyncio.sleep(_WARM)
        if processor_time(server.pid) - before < _WARM * _AT_REST:
            return


@asynccontextmanager
async def _subscribed(port: int, cases: Sequence[str]) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(connected(port)) for _ in cases]
        for socket, case in zip(sockets, cases, strict=True):
            await subscribe(socket, OF_ONE_FAMILY, family=case)
        await asyncio.gather(*(settled(socket, 1) for socket in sockets))
        gc.collect()
        gc.freeze()  # the connections of this process are no part of what is measured
        yield sockets
        gc.unfreeze()


async def _prove(port: int, socket: ClientConnection, case: str) -> None:
    """Have something happen to one of the cases, and see that its subscriber is told."""
    await _ask(port, SUSPEND_CASE, id=case)
    await pushed(socket)


async def _save_case(port: int) -> str:
    answer = await _ask(port, SAVE_CASE)
    key: str = answer["data"]["saveCase"]["case"]["id"]
    return key


async def _ask(port: int, query: str, **variables: str) -> dict[str, Any]:
    connection = Connection(port)
    await connection.open()
    answer = await connection.post({"query": query, "variables": variables})
    await connection.close()
    return answer
