"""A server that starts with many deliveries that wait: what its clients notice of it."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import Final

from benchmarks.load import Measured, closed_loop
from tests.acceptance.fleet import Fleet, port_of
from tests.acceptance.traffic import LOOK_AROUND, SAVE, prepare, save_cases

RECEIVERS: Final = "tests.acceptance.sowing_receivers"
SOWING: Final = {"SEEDS": "334", "LANES": "100"}
CASES: Final = 10
DELIVERIES: Final = 334 * 3 * CASES
CLIENTS: Final = 4
ROUND: Final = 0.5
ROUNDS_AFTER: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Milliseconds within which 95 % of the answers came, beside the backlog and after it.

    `first`: seconds until the first answer; `drained`: until nothing waited any more. Both count from when the server
    listened.
    """

    waiting: int
    beside: float
    after: float
    requests_beside: int
    first: float
    drained: float


def leave_a_backlog(fleet: Fleet) -> None:
    """Have a server record 10 000 deliveries that nobody carries out."""
    server = fleet.open(EVENT_DELIVERS="false", SOWN="before")
    prepare(port_of(server))
    save_cases([port_of(server)], CASES)
    fleet.stop(server)


def restart_beside_it(fleet: Fleet) -> Noticed:
    """Start a server on the backlog, and ask it for things until the backlog is gone, and for a while after that."""
    waiting = fleet.rows.unfinished()
    server = fleet.open(SOWN="before", SEEDS="0")
    port, began = port_of(server), time.monotonic()
    asyncio.run(_rounds(port, 0, clients=1))
    first = time.monotonic() - began
    beside: list[float] = []
    after: list[float] = []
    while fleet.rows.unfinished():
        beside += asyncio.run(_rounds(port, ROUND)).latencies
    drained = time.monotonic() - began
    for _ in range(ROUNDS_AFTER):
        after += asyncio.run(_rounds(port, ROUND)).latencies
    fleet.stop(server)
    return Noticed(
        waiting=waiting,
        beside=_p95(beside),
        after=_p95(after),
        requests_beside=len(beside),
        first=first,
        drained=drained,
    )


async def _rounds(port: int, seconds: float, clients: int = CLIENTS) -> Measured:
    """Reads and writes in turn."""
    bodies = itertools.cycle([{"query": SAVE}, {"query": LOOK_AROUND}])
    return await closed_loop(port, clients, seconds, bodies)


def _p95(latencies: list[float]) -> float:
    return Measured(latencies=latencies, elapsed=1).percentile_ms(95)
