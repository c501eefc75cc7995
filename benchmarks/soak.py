"""Mixed load for ten times as long as is asked for: does the server keep its size?

Clients work through cases, receivers of every kind are told of all that happens, some of the attempts fail.
`make bench-soak` takes ten minutes. The first fifth is for warming up.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.report import Options, Row
from benchmarks.server import fresh_database, manage
from tests.acceptance.fleet import Fleet, busy, fleet
from tests.acceptance.processes import memory, open_files, threads
from tests.acceptance.server import Server

TIMES: Final = 10
CLIENTS: Final = 4
SAMPLES: Final = 100
MEGABYTE: Final = 2**20


@dataclass(frozen=True, kw_only=True)
class Size:
    """What the server takes up at a moment."""

    memory: int
    threads: int
    files: int
    sessions: int
    tasks: int


def run(options: Options) -> list[Row]:
    """Load, sample, compare the end with the time after warming up."""
    with fresh_database(options.database) as database, tempfile.TemporaryDirectory() as folder:
        manage(database, "migrate", "--verbosity", "0")
        census = Path(folder) / "census"
        census.write_text("0")
        with fleet(
            Path(folder), database, "benchmarks.receivers.soaking", CENSUS=str(census), LEDGER_FAILS="0.02"
        ) as servers:
            server = servers.open()
            sizes = _soak(servers, server, census, options.seconds * TIMES)
            servers.stop(server)
            delivered = servers.rows.states()["delivered"]
    scenario = f"mixed load for {options.seconds * TIMES:.0f} s"
    rows = [Row(scenario=scenario, figure="delivered", value=delivered, unit="deliveries")]
    return rows + [_row(scenario, sizes, *what) for what in _WHAT]


_WHAT: Final[list[tuple[str, str, Callable[[Size], float]]]] = [
    ("memory", "MB", lambda size: size.memory / MEGABYTE),
    ("threads", "", lambda size: size.threads),
    ("open files and connections", "", lambda size: size.files),
    ("database sessions", "", lambda size: size.sessions),
    ("tasks", "", lambda size: size.tasks),
]


def _soak(servers: Fleet, server: Server, census: Path, seconds: float) -> list[Size]:
    traffic = busy(server, CLIENTS)
    sizes = []
    for _ in range(SAMPLES):
        time.sleep(seconds / SAMPLES)
        sizes.append(_size(servers, server, census))
    traffic.stop()
    servers.wait_until_all_is_delivered()
    if traffic.refused or traffic.unanswered:
        raise RuntimeError(f"{len(traffic.refused)} requests were refused, {len(traffic.unanswered)} not answered")
    return sizes


def _size(servers: Fleet, server: Server, census: Path) -> Size:
    pid = server.process.pid
    return Size(
        memory=memory(pid),
        threads=threads(pid),
        files=open_files(pid),
        sessions=servers.rows.sessions(),
        tasks=int(census.read_text() or 0),
    )


def _row(scenario: str, sizes: list[Size], name: str, unit: str, of: Callable[[Size], float]) -> Row:
    fifth = len(sizes) // 5
    early = statistics.median(of(size) for size in sizes[fifth : 2 * fifth])
    late = statistics.median(of(size) for size in sizes[-fifth:])
    ratio = late / max(early, 1)
    return Row(scenario=scenario, figure=name, value=late, unit=unit, peer="after warming up", ratio=ratio)
