"""What is meant to be dear to answer costs a running server no more than a moment each, and little memory."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from caluma_async.testing.factories import make_case, make_work_item
from tests.acceptance import bombs
from tests.acceptance.server import Server, serving
from tests.acceptance.test_fuzz import complaint

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that tells what a process has used"),
]

MOST_TURNS = 75.0
"""Millions of turns of an empty loop, 25 to 30 ms each where they were counted: no machine is always equally fast.
Each takes less than a second of processor time there; measuring coverage, as the suite does, makes a server slower."""
LOOP = """
def loop():
    for _ in range(1_000_000):
        pass
loop()
"""
"""As text, so that nothing counts its lines."""
MOST_MEMORY = 250 * 1024 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    case = make_case("approval")
    for _ in range(12):
        make_work_item(case, "review")
    with serving(tmp_path, EVENT_RECEIVER_MODULES="") as server:
        yield server


def seconds_of(pid: int) -> float:
    """Processor time that the process has used: what it took, however busy the machine is."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def turns_of(seconds: float) -> float:
    """What the processor could have done instead, in millions of turns."""
    before = time.process_time()
    exec(LOOP, {})  # noqa: S102 - our own text
    return seconds / (time.process_time() - before)


def most_memory_of(pid: int) -> int:
    """Bytes that the process has had at its largest."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def asked(client: httpx.Client, pid: int, body: bytes) -> tuple[float, httpx.Response]:
    """What an answer cost the process, in millions of turns, and the answer."""
    before = seconds_of(pid)
    response = client.post("/graphql", content=body)
    return turns_of(seconds_of(pid) - before), response


def test_every_bomb_is_refused_or_answered_in_no_time(server: Server) -> None:
    headers = {"Content-Type": "application/json"}
    pid = server.process.pid
    slow, wrong = [], []
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        client.post("/graphql", json={"query": "{ allCases { totalCount } }"})
        at_first = most_memory_of(pid)
        for name, body in bombs.bodies().items():
            took, response = asked(client, pid, body)
            if took > MOST_TURNS:  # the processor, too, has its off moments
                took, response = asked(client, pid, body)
            if took > MOST_TURNS:
                slow.append(f"{name}: {took:.0f} million turns, {response.text[:200]}")
            if response.status_code != 413 and (said := complaint(response)):
                wrong.append(f"{name}: {said}, {response.text[:200]}")
        grown = most_memory_of(pid) - at_first
    server.stop()
    assert (slow, wrong) == ([], [])
    assert grown < MOST_MEMORY
    assert not re.search(r"Traceback|\b(ERROR|CRITICAL)\b", server.log), server.log[-10_000:]
