"""Real processes: what has begun is carried out, whether the client leaves or the server is told to stop."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from caluma_async.testing.factories import make_workflow
from caluma_async.workflow.models import Case, WorkItem
from tests.acceptance.server import Gate, Server, serving

pytestmark = pytest.mark.django_db(transaction=True)

ONE = 'saveCase(input: {workflow: "w"}) { case { id } }'
TWO = f"mutation {{ a: {ONE} b: {ONE} }}"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    gate = Gate(tmp_path)
    gate.build()
    return gate


@pytest.fixture
def server(tmp_path: Path, gate: Gate) -> Iterator[Server]:
    make_workflow("w", start=["a"])
    receivers = "tests.acceptance.gated_receivers"
    with serving(tmp_path, EVENT_RECEIVER_MODULES=receivers, GATE=str(tmp_path)) as server:
        yield server


def send(server: Server, query: str) -> socket.socket:
    """A connection on which the document has been sent, and nothing read."""
    address = urlsplit(server.url)
    content = json.dumps({"query": query}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    )
    connection = socket.create_connection((address.hostname, address.port))
    connection.sendall(head.encode() + b"\r\n\r\n" + content)
    return connection


def test_a_client_that_leaves_between_two_mutations_stops_neither(server: Server, gate: Gate) -> None:
    connection = send(server, TWO)
    gate.wait_until_reached()
    connection.close()
    gate.open()
    # the second one is reached only if the first was carried out, long after the client has left
    gate.wait_until_reached()
    gate.open()
    server.stop()
    assert Case.objects.count() == 2
    assert WorkItem.objects.count() == 2
    assert "Traceback" not in server.log


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_waits_for_the_mutations_under_way_and_answers_them(
    server: Server, gate: Gate, how: signal.Signals
) -> None:
    answers: list[httpx.Response] = []
    client = threading.Thread(target=lambda: answers.append(server.ask(TWO)))
    client.start()
    gate.wait_until_reached()
    server.process.send_signal(how)
    gate.open()
    gate.wait_until_reached()
    gate.open()
    client.join(60)
    server.wait()
    assert [set(answer.json()) for answer in answers] == [{"data"}]
    assert Case.objects.count() == 2
    assert "Traceback" not in server.log


def test_a_stop_after_the_client_left_waits_all_the_same(server: Server, gate: Gate) -> None:
    connection = send(server, TWO)
    gate.wait_until_reached()
    connection.close()
    server.process.send_signal(signal.SIGTERM)
    gate.open()
    gate.wait_until_reached()
    gate.open()
    server.wait()
    assert Case.objects.count() == 2
