"""SIGTERM under load: what was begun is finished and answered, the rest is left for the next server."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.fleet import busy, fleet
from tests.acceptance.ledger import by_lane, replay
from tests.acceptance.server import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.load]

DRAIN = 10
PAUSE = 0.4
MARGIN = 10
"""Seconds that a busy machine may need for what is not draining: requests, threads, the interpreter's end."""


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.postgres)])
def test_a_stop_under_load_breaks_nothing_off(tmp_path: Path, workers: int) -> None:
    patience = {"EVENT_DRAIN": str(DRAIN), "LEDGER_PAUSE": str(PAUSE)}
    with fleet(tmp_path, database_url(), **patience) as servers:
        server = servers.open("--workers", str(workers))
        traffic = busy(server, persistent=False)
        servers.wait_for_work(server, 60)
        told = time.monotonic()
        assert servers.stop(server) in (0, -signal.SIGTERM)
        took = time.monotonic() - told
        traffic.join()
        assert took < DRAIN + MARGIN

        # requests: answered to the end, or never read
        assert traffic.refused == []
        assert not any(exchange.partial for exchange in traffic.unanswered)
        assert traffic.completions() <= servers.rows.completed()
        assert servers.rows.completed().isdisjoint(exchange.subject for exchange in traffic.unanswered)

        # deliveries: finished, or not begun; and there are some of either kind
        lines = list(servers.ledger.lines())
        for lane in by_lane(lines).values():
            replay(lane, killed=())
        assert "fail" not in {line.mark for line in lines}
        left = servers.rows.states()
        assert set(left) == {"delivered", "waiting"}
        assert left["delivered"] * 2 == len(lines)
        assert "Traceback" not in server.log

        servers.wait_until_the_rest_is_delivered()
        verdict = servers.judge(traffic)
    assert verdict.repeated == 0
