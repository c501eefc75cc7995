"""Receivers that do what they should not: the server says which one it is, and all others go on."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.facts import eventually
from tests.acceptance.fleet import fleet, port_of
from tests.acceptance.processes import peak_memory
from tests.acceptance.server import Gate, database_url
from tests.acceptance.traffic import prepare, save_cases

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.load]

UNRULY: Final = "tests.acceptance.unruly_receivers"
PLACES: Final = 16
SHARE: Final = 10
"""How many of those places one of several receivers may hold."""

STUCK: Final = 40
FLOOD: Final = 10_000
MEGABYTE: Final = 2**20
BOUND: Final = 64 * MEGABYTE
"""What a process may grow by while it emits all that in one transaction, and delivers it."""


def test_what_blocks_the_event_loop_is_named_in_the_log(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.build()
    with fleet(tmp_path, database_url(), UNRULY, UNRULY="blocks", GATE=str(tmp_path)) as servers:
        server = servers.open()
        prepare(port_of(server))
        client = threading.Thread(target=save_cases, args=([port_of(server)], 1))
        client.start()
        gate.wait_until_reached()
        eventually(lambda: "WARNING" in server.log and "blocks.the.loop" in server.log)
        gate.open()
        client.join(60)  # its answer may have been held up, too
        servers.wait_until_all_is_delivered()
        assert "pass_through" in server.log  # where it is
        servers.stop(server)


def test_receivers_that_never_return_stop_no_others(tmp_path: Path) -> None:
    places = {"EVENT_CONCURRENCY": str(PLACES), "EVENT_THREADS": str(PLACES), "EVENT_DRAIN": "0.5"}
    with fleet(tmp_path, database_url(), UNRULY, UNRULY="stays", **places) as servers:
        server = servers.open()
        prepare(port_of(server))
        save_cases([port_of(server)], STUCK)
        everything = {
            ("begin", "stays.awaiting"): SHARE,
            ("begin", "stays.in.a.thread"): SHARE,
            ("end", "fine"): STUCK,
            ("end", "fine.in.a.thread"): STUCK,
        }
        eventually(
            lambda: Counter((line.mark, line.receiver) for line in servers.ledger.lines()) == everything,
            otherwise=servers.describe,
        )
        unbegun = 2 * (STUCK - SHARE)
        eventually(
            lambda: servers.rows.states() == {"running": 2 * SHARE, "waiting": unbegun, "delivered": 2 * STUCK},
            otherwise=servers.describe,
        )
        servers.stop(server)
        assert servers.rows.states() == {"waiting": 2 * STUCK, "delivered": 2 * STUCK}


@pytest.mark.postgres
def test_a_flood_of_10_000_events_does_not_fill_the_memory(tmp_path: Path) -> None:
    sowing = {"SEEDS": str(FLOOD), "LANES": "50", "KINDS": "awaited", "SOWN": "together"}
    with fleet(tmp_path, database_url(), "tests.acceptance.sowing_receivers", **sowing) as servers:
        server = servers.open()
        prepare(port_of(server))
        before = peak_memory(server.process.pid)
        save_cases([port_of(server)], 1)
        servers.wait_until_all_is_delivered(within=120)
        assert servers.rows.states() == {"delivered": FLOOD + 1}
        grown = peak_memory(server.process.pid) - before
        assert grown < BOUND
        servers.stop(server)
