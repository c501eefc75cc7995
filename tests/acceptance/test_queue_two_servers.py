"""Two server processes on one PostgreSQL: no delivery is left lying, and none overtakes another one of its lane."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.fleet import Fleet, busy, fleet, port_of
from tests.acceptance.ledger import by_lane, replay
from tests.acceptance.server import database_url
from tests.acceptance.traffic import prepare, save_cases

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

SEEDS, LANES, RECEIVERS = 100, 100, 3


@pytest.mark.parametrize("cases", [6, pytest.param(50, marks=pytest.mark.load)])
def test_of_thousands_of_deliveries_in_300_lanes_none_waits_for_a_poll(tmp_path: Path, cases: int) -> None:
    sowing = {"SEEDS": str(SEEDS), "LANES": str(LANES), "EVENT_POLL": "3600"}
    with fleet(tmp_path, database_url(), "tests.acceptance.sowing_receivers", **sowing) as servers:
        both = [servers.open(), servers.open()]
        ports = [port_of(server) for server in both]
        prepare(ports[0])
        save_cases(ports, cases)
        servers.wait_until_all_is_delivered(within=150)
        assert servers.rows.states() == {"delivered": cases * (SEEDS * RECEIVERS + 1)}
        sown = {lane: events for lane, events in servers.rows.lanes().items() if lane[1].startswith("lane-")}
        assert len(sown) == LANES * RECEIVERS
        ran = by_lane(servers.ledger.lines())
        assert {lane: replay(lines, killed=()) for lane, lines in ran.items()} == sown
        assert {line.pid for line in servers.ledger.lines()} == {server.process.pid for server in both}


@pytest.mark.load
def test_lanes_keep_their_order_across_processes_while_attempts_fail(tmp_path: Path) -> None:
    failing = {"LEDGER_FAILS": "0.15", "LEDGER_HANGS": "0.03"}
    with fleet(tmp_path, database_url(), **failing) as servers:
        both = [servers.open(), servers.open()]
        traffic = busy(both[0])
        traffic.ports = [port_of(server) for server in both]
        for server in both:
            servers.wait_for_work(server, 500)
        traffic.stop()
        servers.wait_until_all_is_delivered()
        lines = servers.ledger.lines()
        servers.judge(traffic)
    assert _shared_lanes(servers) > 10
    assert sum(line.mark == "fail" for line in lines) > 50


def _shared_lanes(servers: Fleet) -> int:
    """How many lanes both processes had to do with."""
    return sum(len({line.pid for line in lane}) > 1 for lane in by_lane(servers.ledger.lines()).values())
