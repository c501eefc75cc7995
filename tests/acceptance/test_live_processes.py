"""Subscribers of one server process hear of what another one commits: in order, all of it, once."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from asgiref.sync import sync_to_async
from websockets.asyncio.client import ClientConnection, connect

from caluma_async.events.outbox import log
from caluma_async.testing.factories import make_task, make_workflow
from tests.acceptance.server import Server, serving
from tests.redis_server import URL, needs_redis

pytestmark = [pytest.mark.django_db(transaction=True), needs_redis]

PATIENCE = 60
EVENTS = """subscription($after: ID, $types: [EventName!]) {
  events(after: $after, types: $types) { id name case { id } workItem { id task { slug } case { id } } } }"""
START = 'mutation { saveCase(input: {workflow: "w"}) { case { id workItems { edges { node { id } } } } } }'
COMPLETE = """mutation($id: ID!) { completeWorkItem(input: {id: $id}) { workItem { case {
  workItems(filter: [{status: READY}]) { edges { node { id } } } } } } }"""
TASKS = ["a", "b", "c"]
PER_CASE = [
    "post_create_case",
    "post_create_work_item",
    *["post_complete_work_item", "post_create_work_item"] * 2,
    "post_complete_work_item",
    "post_complete_case",
]


@pytest.fixture(params=[False, True], ids=["from memory", "from the log"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two processes on one database and one Redis."""
    make_task("b")
    make_task("c")
    make_workflow("w", start=["a"], flows={"a": "'b'|task", "b": "'c'|task"})
    with ExitStack() as opened:
        yield tuple(_serving(opened, tmp_path / name, logged=request.param) for name in ("one", "other"))  # type: ignore[misc]


def _serving(opened: ExitStack, folder: Path, *, logged: bool, **more: str) -> Server:
    folder.mkdir()
    # a logical database of its own, so that tests do not hear each other
    settings = {"EVENT_RECEIVER_MODULES": "", "CHANNEL_LAYER_URL": f"{URL}/7", "EVENT_LOG": str(logged).lower()}
    return opened.enter_context(serving(folder, **{**settings, **more}))


@asynccontextmanager
async def subscribed(
    server: Server, query: str = EVENTS, max_queue: int | None = None, **variables: Any
) -> AsyncIterator[ClientConnection]:
    address = server.url.replace("http://", "ws://") + "/graphql"
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    # without a bound: a client that does not read what is left does not hear the farewell either
    async with connect(address, subprotocols=protocols, max_queue=max_queue) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": query, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        yield socket


async def pushed(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        answer = json.loads(await socket.recv())
    assert answer["type"] == "next", answer
    assert "errors" not in answer["payload"], answer
    event: dict[str, Any] = answer["payload"]["data"]["events"]
    return event


async def heard(socket: ClientConnection, client: httpx.AsyncClient, server: Server) -> None:
    """Wait until the subscriber hears: until it is shown a case that was started only for that."""
    while True:
        await ask(client, server, START)
        try:
            async with asyncio.timeout(0.2):
                await socket.recv()
        except TimeoutError:
            continue
        break


async def ask(client: httpx.AsyncClient, server: Server, query: str, **variables: Any) -> Any:
    answer = (await client.post(f"{server.url}/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def case_to_its_end(client: httpx.AsyncClient, servers: Sequence[Server]) -> str:
    """Work through a case, each step on any of the processes."""
    case = (await ask(client, random.choice(servers), START))["saveCase"]["case"]
    ready = case["workItems"]["edges"]
    while ready:
        answer = await ask(client, random.choice(servers), COMPLETE, id=ready[0]["node"]["id"])
        ready = answer["completeWorkItem"]["workItem"]["case"]["workItems"]["edges"]
    key: str = case["id"]
    return key


def case_of(event: dict[str, Any]) -> str:
    key: str = (event["case"] or event["workItem"]["case"])["id"]
    return key


async def test_events_of_all_processes_are_pushed_in_order_for_each_case(
    servers: tuple[Server, Server], request: pytest.FixtureRequest
) -> None:
    one, other = servers
    # without the log, what one process tells of a case may overtake what another one told over Redis
    at_once = 2 if request.node.callspec.params["servers"] else 1
    async with httpx.AsyncClient(timeout=PATIENCE) as client, subscribed(one) as socket:
        await heard(socket, client, other)
        cases = await asyncio.gather(*(case_to_its_end(client, random.sample(servers, at_once)) for _ in range(10)))
        names: dict[str, list[str]] = defaultdict(list)
        while any(len(names[case]) < len(PER_CASE) for case in cases):
            event = await pushed(socket)
            names[case_of(event)].append(event["name"])
    assert {case: names[case] for case in cases} == dict.fromkeys(cases, PER_CASE)


@pytest.mark.parametrize("servers", [True], indirect=True, ids=["from the log"])
async def test_whoever_comes_back_again_and_again_misses_nothing_and_gets_nothing_twice(
    servers: tuple[Server, Server],
) -> None:
    got: list[str] = []
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        await ask(client, servers[0], START)
        first = (await sync_to_async(log.newer)(0))[0].event.id
        traffic = asyncio.gather(*(case_to_its_end(client, servers) for _ in range(25)))
        last = str(first)
        number = 1 + 25 * len(PER_CASE)
        while len(got) < number:
            async with subscribed(random.choice(servers), after=last) as socket:
                for _ in range(random.randint(1, 30)):
                    if len(got) == number:
                        break
                    got.append((await pushed(socket))["id"])
                last = got[-1]
        await traffic
    stored = [entry.event.id for entry in await sync_to_async(log.newer)(1)]
    assert [uuid.UUID(key) for key in got] == stored
    assert len(got) == number


async def test_without_redis_a_server_serves_and_its_own_subscribers_hear(tmp_path: Path) -> None:
    await sync_to_async(make_workflow)("w", start=["a"])
    with ExitStack() as opened:
        nowhere = "redis://127.0.0.1:1/0"
        server = await asyncio.to_thread(
            lambda: _serving(opened, tmp_path / "one", logged=False, CHANNEL_LAYER_URL=nowhere)
        )
        async with httpx.AsyncClient(timeout=PATIENCE) as client, subscribed(server) as socket:
            await heard(socket, client, server)
            assert (await client.get(f"{server.url}/healthz")).status_code == 200
        await asyncio.to_thread(server.stop)
        assert "Traceback" not in server.log


LARGE = """mutation($meta: JSONString) { saveCase(input: {workflow: "w", meta: $meta}) { case { id } } }"""


async def test_a_client_that_does_not_read_is_cut_off_and_holds_nobody_up(tmp_path: Path) -> None:
    await sync_to_async(make_workflow)("w", start=["a"])
    query = 'subscription { events(types: ["post_create_case"]) { case { meta } } }'
    meta = {"text": secrets.token_hex(150_000)}  # nothing that could be compressed
    with ExitStack() as opened:
        folder, few = tmp_path / "one", {"CHANNEL_LAYER_URL": "", "LIVE_QUEUE_SIZE": "5"}
        server = await asyncio.to_thread(lambda: _serving(opened, folder, logged=False, **few))
        async with httpx.AsyncClient(timeout=PATIENCE) as client, subscribed(server, query, max_queue=1) as socket:
            while "Too slow" not in server.log:
                await ask(client, server, LARGE, meta=json.dumps(meta))
            await ask(client, server, START)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await last_of(socket)
        await asyncio.to_thread(server.stop)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    assert closed.value.rcvd.reason.startswith("Too slow: more than 5 events were waiting.")
    assert "Traceback" not in server.log


async def last_of(socket: ClientConnection) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            await socket.recv()
