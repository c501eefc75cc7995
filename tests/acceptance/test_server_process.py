"""`manage.py serve` as a process: what it says, whom it answers, and how it ends."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection

from caluma_async.testing.factories import make_workflow
from tests.acceptance.facts import eventually
from tests.acceptance.fleet import port_of
from tests.acceptance.processes import connections
from tests.acceptance.server import ROOT, Server, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, EVENT_RECEIVER_MODULES="") as server:
        yield server


def test_it_says_where_it_serves_and_its_example_works_as_pasted(server: Server) -> None:
    make_workflow("building-permit", start=["a"])
    [command] = [line.strip() for line in server.welcome.splitlines() if "curl" in line]
    output = subprocess.run(shlex.split(command), check=True, capture_output=True, timeout=60).stdout
    [edge] = json.loads(output)["data"]["saveCase"]["case"]["workItems"]["edges"]
    assert edge["node"]["task"] == {"slug": "a"}
    for word in ("GraphQL", "Admin", "Health"):
        [line] = [line for line in server.welcome.splitlines() if line.startswith(word)]
        assert (
            httpx.get(line.split()[1], headers={"Accept": "text/html"}, follow_redirects=True, timeout=60).status_code
            == 200
        )


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_stops_cleanly(server: Server, how: signal.Signals, status: int) -> None:
    assert server.ask("{ __typename }").json() == {"data": {"__typename": "Query"}}
    assert server.stop(how) == status
    assert "Traceback" not in server.log
    assert "ResourceWarning" not in server.log


def test_two_processes_serve_and_stop(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", EVENT_RECEIVER_MODULES="") as server:
        for _ in range(10):
            assert server.ask("{ allCases { totalCount } }").json() == {"data": {"allCases": {"totalCount": 0}}}
        assert server.stop(signal.SIGINT) == 0
    assert server.log.count("Started server process") == 2
    assert "Traceback" not in server.log


def test_two_processes_share_the_connections_of_a_client(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", EVENT_RECEIVER_MODULES="") as server:
        eventually(lambda: server.log.count("Application startup complete") == 2)
        pids = [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", server.log)]
        port = port_of(server)
        shares = [_shares(port, pids, opened=16) for _ in range(20)]
    assert statistics.median(map(min, shares)) >= 5, shares


def _shares(port: int, pids: list[int], *, opened: int) -> list[int]:
    """How many of so many connections each of the processes takes."""
    with ExitStack() as stack:
        for _ in range(opened):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        eventually(lambda: sum(connections(pid, port) for pid in pids) == opened)
        shares = [connections(pid, port) for pid in pids]
    eventually(lambda: not any(connections(pid, port) for pid in pids))
    return shares


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "manage.py", "serve", "--port", port]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_health_says_whether_the_database_answers(server: Server) -> None:
    response = httpx.get(f"{server.url}/healthz", headers={"Host": "10.0.0.1"}, timeout=60)
    assert (response.status_code, response.json()["database"]) == (200, "ok")


def test_nothing_is_served_over_websocket(server: Server) -> None:
    address = urlsplit(server.url)
    head = (
        "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 403")
    assert server.ask("{ __typename }").status_code == 200


def _chunks() -> Iterator[bytes]:
    for _ in range(100):
        yield b"x" * 100_000


def _levels(levels: int) -> str:
    return (
        "{ allCases { edges { node {" + "parentWorkItem { case {" * (levels // 2) + "id" + "}}" * (levels // 2) + "}}}}"
    )


WRONG = {
    "JSON": (400, "{"),
    "field": (400, json.dumps({"query": "{" + "node" * 1000 + "}"})),
    "depth": (400, json.dumps({"query": _levels(30)})),
    "aliases": (400, json.dumps({"query": "{" + " ".join(f"a{n}: __typename" for n in range(1000)) + "}"})),
    "variables": (400, json.dumps({"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": {}}})),
    "nesting": (400, "[" * 100_000),
    "size": (413, b"x" * 10_000_000),
    "chunks": (413, _chunks()),
}


def test_wrong_input_is_answered_in_words_and_the_server_goes_on(server: Server) -> None:
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        for name, (status, content) in WRONG.items():
            response = client.post("/graphql", content=content)
            assert response.status_code == status, name
            assert response.json()["errors"][0]["message"], name
            assert "data" not in response.json(), name
            assert client.post("/graphql", json={"query": "{ __typename }"}).status_code == 200, name
    server.stop()
    assert "Traceback" not in server.log
    assert "ERROR" not in server.log


@pytest.mark.postgres
def test_database_backends_that_are_ended_cost_no_later_request(server: Server) -> None:
    question = "{ allCases { totalCount } }"
    expected = {"data": {"allCases": {"totalCount": 0}}}
    assert server.ask(question).json() == expected
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        ended = cursor.fetchall()
    assert ended
    assert set(ended) == {(True,)}
    assert [server.ask(question).json() for _ in range(10)] == [expected] * 10
