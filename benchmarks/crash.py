"""Servers killed with SIGKILL under load, five for each second that is asked for: what was lost, what was done twice.

`make bench-crash` kills a hundred. Fails if anything was lost, came out of order, or was done twice without a kill.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.report import Options, Row
from benchmarks.server import fresh_database, manage
from tests.acceptance.fleet import Fleet, Verdict, fleet
from tests.acceptance.storm import kill_servers, kill_worker_processes

KILLS_A_SECOND: Final = 5
SHARE_OF_WORKERS: Final = 5
"""One in so many kills concerns a server of two worker processes."""


def run(options: Options) -> list[Row]:
    """Kill, and judge."""
    kills = max(round(options.seconds * KILLS_A_SECOND), 2)
    of_workers = max(kills // SHARE_OF_WORKERS, 1)
    with _on_a_fresh_database(options) as servers:
        one = kill_servers(servers, kills - of_workers)
    with _on_a_fresh_database(options) as servers:
        two = kill_worker_processes(servers, of_workers)
    return [*_rows("one process", one), *_rows("two worker processes", two)]


@contextmanager
def _on_a_fresh_database(options: Options) -> Iterator[Fleet]:
    with fresh_database(options.database) as database, tempfile.TemporaryDirectory() as folder:
        manage(database, "migrate", "--verbosity", "0")
        with fleet(Path(folder), database) as servers:
            yield servers


def _rows(of: str, verdict: Verdict) -> list[Row]:
    scenario = f"SIGKILL under load, {of}"
    figures = {
        "kills": verdict.kills,
        "requests answered": verdict.answered,
        "requests broken off": verdict.unanswered,
        "deliveries": verdict.deliveries,
        "lost": verdict.lost,
        "lanes, all in order": verdict.lanes,
        "done again, had been running": verdict.repeated,
    }
    return [Row(scenario=scenario, figure=name, value=value, unit="") for name, value in figures.items()]
