"""A restart with 10 000 deliveries that wait: how long requests take beside them, and how long without."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.report import Options, Row
from benchmarks.server import fresh_database, manage
from tests.acceptance.backlog import RECEIVERS, SOWING, leave_a_backlog, restart_beside_it
from tests.acceptance.fleet import fleet


def run(options: Options) -> list[Row]:
    """Leave a backlog, start on it, ask all the while."""
    with fresh_database(options.database) as database, tempfile.TemporaryDirectory() as folder:
        manage(database, "migrate", "--verbosity", "0")
        with fleet(Path(folder), database, RECEIVERS, **SOWING) as servers:
            leave_a_backlog(servers)
            noticed = restart_beside_it(servers)
    scenario = f"restart with {noticed.waiting} waiting deliveries, 4 clients"
    return [
        Row(scenario=scenario, figure="first answer", value=noticed.first * 1000, unit="ms"),
        Row(scenario=scenario, figure="drained", value=noticed.waiting / noticed.drained, unit="deliveries/s"),
        Row(
            scenario=scenario,
            figure="95th percentile",
            value=noticed.beside,
            unit="ms",
            peer="after the backlog",
            ratio=noticed.beside / noticed.after,
        ),
    ]
