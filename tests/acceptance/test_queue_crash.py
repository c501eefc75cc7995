"""SIGKILL under load: nothing is lost, nothing out of order, and only what was running is done again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.fleet import fleet
from tests.acceptance.server import database_url
from tests.acceptance.storm import kill_servers, kill_worker_processes

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_server_that_is_killed_under_load_again_and_again_loses_nothing(tmp_path: Path) -> None:
    # where nobody can tell that a process is dead, its deliveries are free when their lease ends
    with fleet(tmp_path, database_url(), EVENT_LEASE="3", LEDGER_PAUSE="0.05") as servers:
        verdict = kill_servers(servers, 10, clients=3)
    assert verdict.kills == 10
    assert verdict.answered > 10
    assert verdict.repeated


@pytest.mark.load
@pytest.mark.postgres
def test_servers_that_are_killed_under_load_lose_nothing(tmp_path: Path) -> None:
    with fleet(tmp_path, database_url()) as servers:
        verdict = kill_servers(servers, 16)
    assert verdict.kills == 16
    assert verdict.answered > 16
    assert verdict.unanswered
    assert verdict.repeated


@pytest.mark.load
@pytest.mark.postgres
def test_worker_processes_that_are_killed_under_load_lose_nothing(tmp_path: Path) -> None:
    with fleet(tmp_path, database_url()) as servers:
        verdict = kill_worker_processes(servers, 4)
    assert verdict.kills == 4
    assert verdict.answered > 4
