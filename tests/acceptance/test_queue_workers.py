"""Two servers and two workers on one PostgreSQL: killing one of each loses nothing, with either carrier."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.facts import eventually
from tests.acceptance.fleet import Fleet, fleet, port_of
from tests.acceptance.ledger import END, by_lane, replay
from tests.acceptance.server import database_url
from tests.acceptance.traffic import Traffic, prepare
from tests.redis_server import URL, answers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
carriers = pytest.mark.parametrize("carrier", ["asyncio", "procrastinate"])

SEEDS = 8
RECEIVERS = ("awaited", "threaded")


@carriers
def test_a_worker_and_a_server_that_are_killed_lose_nothing(tmp_path: Path, carrier: str) -> None:
    _storm(tmp_path, carrier, events=800)


@carriers
@pytest.mark.load
def test_of_20000_events_of_500_families_none_is_lost_or_out_of_order(tmp_path: Path, carrier: str) -> None:
    assert _storm(tmp_path, carrier, events=20_000) >= 500


def _storm(folder: Path, carrier: str, events: int) -> int:
    """Have clients cause so many events, and kill a worker and a server meanwhile; how many families there were."""
    environment = {"EVENT_CARRIER": carrier, "SEEDS": str(SEEDS), "LEDGER_FAILS": "0.1"}
    if answers():
        environment["CHANNEL_LAYER_URL"] = URL
    with fleet(folder, database_url(), "tests.acceptance.family_receivers", **environment) as processes:
        servers, workers = processes.open_together(2, 2)
        prepare(port_of(servers[0]))
        traffic = Traffic(clients=8, ports=[port_of(server) for server in servers])
        traffic.start()
        _until(processes, events // 3)
        processes.kill(workers[0])
        _until(processes, events // 2)
        processes.kill(servers[0])
        traffic.ports = [port_of(servers[1])]
        _until(processes, events)
        traffic.stop()
        processes.wait_until_all_is_delivered(within=300)
        if carrier == "procrastinate":
            eventually(lambda: not processes.rows.jobs(), otherwise=processes.describe)
        families = _judge(processes, traffic)
        processes.stop(servers[1])
        assert processes.stop(workers[1]) == 0
    return families


def _until(processes: Fleet, events: int) -> None:
    """Until so many events were recorded."""
    eventually(lambda: processes.rows.events() >= events, within=300, otherwise=processes.describe)


def _judge(processes: Fleet, traffic: Traffic) -> int:
    """Everything that was answered has happened, and was told of once, in the order of the commits."""
    assert set(processes.rows.states()) == {"delivered"}
    assert traffic.cases() <= set(processes.rows.histories())
    assert traffic.completions() <= processes.rows.completed()
    lines, sown = processes.ledger.lines(), processes.rows.lanes()
    assert {receiver for receiver, _ in sown} == set(RECEIVERS)
    assert {lane: replay(ran, processes.killed) for lane, ran in by_lane(lines).items()} == sown
    ended = Counter(line.event for line in lines if line.mark == END and line.receiver == "threaded")
    assert processes.rows.effects() == dict.fromkeys(ended, 1)
    assert sum(line.mark == "fail" for line in lines) > len(ended) // 20
    return len(sown) // len(RECEIVERS)
