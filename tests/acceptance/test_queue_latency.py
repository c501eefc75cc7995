"""Over HTTP: a mutation whose receivers take their time is answered about as fast as one without receivers.

The guards are wide, for machines that do much else: receivers that hold answers up make them many times as slow.
`python -m benchmarks http` has the figures.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from benchmarks.http_mutations import COMPLETE, SAVE_CASE, prepare, ready_items
from benchmarks.load import Connection, closed_loop
from tests.acceptance.fleet import port_of
from tests.acceptance.rows import Rows
from tests.acceptance.server import database_url, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.load]

REQUESTS: Final = 60
CLIENTS: Final = 16
TURNS: Final = 5
REQUESTS_A_TURN: Final = 96
WARM_UP: Final = 20
WITHOUT_END: Final = 1e9

MOST: Final = 1.6
"""How many times the median of one client may grow."""

LEAST: Final = 0.5
"""What must remain of the requests per second of many clients."""


@dataclass
class Seen:
    """Of one server: how long one client waited, and how many requests a second many clients got answered."""

    latencies: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


@pytest.mark.parametrize("receivers", ["waiting", "threaded"])
def test_three_receivers_of_100_ms_hold_no_answer_up(tmp_path: Path, receivers: str) -> None:
    with ExitStack() as stack:
        ports = []
        for modules in ("", f"benchmarks.receivers.{receivers}"):
            folder = tmp_path / f"server{modules}"
            folder.mkdir()
            server = stack.enter_context(serving(folder, EVENT_RECEIVER_MODULES=modules, LOG_LEVEL="WARNING"))
            ports.append(port_of(server))
        without, with_ = asyncio.run(_alternate(*ports))
        with closing(Rows(database_url())) as rows:
            ((told,),) = rows("SELECT count(*) FROM events_delivery")
    assert told == 3 * (REQUESTS + TURNS * REQUESTS_A_TURN + WARM_UP)
    assert statistics.median(with_.latencies) < MOST * statistics.median(without.latencies), (without, with_)
    assert statistics.median(with_.rates) > LEAST * statistics.median(without.rates), (without, with_)


async def _alternate(*ports: int) -> list[Seen]:
    """Ask the servers in turn, so that whatever else the machine does concerns them alike."""
    bodies = iter([{"query": COMPLETE, "variables": {"id": item}} for item in await _ready_items(ports[0])])
    seen = [Seen() for _ in ports]
    connections = [Connection(port) for port in ports]
    for connection in connections:
        await connection.open()
        for body in itertools.islice(bodies, WARM_UP):
            await connection.post(body)
    for _ in range(REQUESTS):
        for connection, server in zip(connections, seen, strict=True):
            sent = time.perf_counter()
            await connection.post(next(bodies))
            server.latencies.append(time.perf_counter() - sent)
    for connection in connections:
        await connection.close()
    for _ in range(TURNS):
        for port, server in zip(ports, seen, strict=True):
            measured = await closed_loop(port, CLIENTS, WITHOUT_END, itertools.islice(bodies, REQUESTS_A_TURN))
            server.rates.append(measured.per_second)
    return seen


async def _ready_items(port: int) -> list[str]:
    """Work items enough for everything."""
    await prepare(port)
    number = 2 * (REQUESTS + TURNS * REQUESTS_A_TURN + WARM_UP)
    await closed_loop(port, CLIENTS, WITHOUT_END, itertools.repeat({"query": SAVE_CASE}, number))
    return await ready_items(port)
