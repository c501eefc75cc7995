"""A restart with 10 000 deliveries that wait: the server answers at once, and they are carried out beside requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.backlog import DELIVERIES, RECEIVERS, SOWING, leave_a_backlog, restart_beside_it
from tests.acceptance.fleet import fleet
from tests.acceptance.server import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.load]


def test_a_restart_with_a_backlog_answers_requests_while_it_drains(tmp_path: Path) -> None:
    with fleet(tmp_path, database_url(), RECEIVERS, **SOWING) as servers:
        leave_a_backlog(servers)
        assert servers.rows.states() == {"waiting": DELIVERIES}
        noticed = restart_beside_it(servers)
        assert servers.rows.states() == {"delivered": DELIVERIES}
    assert noticed.requests_beside > 20
    assert noticed.beside < 3 * noticed.after
