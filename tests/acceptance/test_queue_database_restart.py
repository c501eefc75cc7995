"""PostgreSQL is restarted under load: servers and workers go on by themselves, soon, and nothing is lost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest

from benchmarks.server import manage
from tests.acceptance.facts import eventually
from tests.acceptance.fleet import Fleet, busy, fleet
from tests.acceptance.ledger import END
from tests.acceptance.postgres import FAST, IMMEDIATE, cluster
from tests.acceptance.traffic import Traffic

pytestmark = [pytest.mark.postgres, pytest.mark.load]

SOON: Final = 5.0
"""Seconds from the database's first answer until requests are answered and deliveries carried out again."""


@pytest.mark.parametrize("carrier", ["asyncio", "procrastinate"])
def test_restarts_of_the_database_under_load_lose_nothing(tmp_path: Path, carrier: str) -> None:
    pauses = []
    with cluster() as database:
        manage(database.url, "migrate", "--verbosity", "0", EVENT_CARRIER=carrier)
        with fleet(tmp_path, database.url, EVENT_CARRIER=carrier) as servers:
            server = servers.open()
            deliverer = servers.open_worker() if carrier == "procrastinate" else server
            traffic = busy(server)
            for how in (FAST, IMMEDIATE, FAST):
                servers.wait_for_work(deliverer, 60)
                database.restart(how)
                pauses.append(_until_it_goes_on(servers, traffic))
            traffic.stop()
            servers.wait_until_all_is_delivered()
            for process in {server, deliverer}:
                assert process.process.poll() is None, "it ended with the database"
                servers.stop(process)
            servers.judge(traffic, anybody_repeats=True)
    assert max(pauses) < SOON
    assert traffic.refused


def _until_it_goes_on(servers: Fleet, traffic: Traffic) -> float:
    back = time.monotonic()
    # what is told of from now on was also asked for from now on
    eventually(lambda: any(one.sent > back for one in traffic.answered), otherwise=servers.describe)
    eventually(
        lambda: any(line.at > back and line.mark == END for line in servers.ledger.lines()), otherwise=servers.describe
    )
    return time.monotonic() - back
