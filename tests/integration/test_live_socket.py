"""The WebSocket itself: who is let in, what the protocol refuses, and how connections end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpRequest
from pytest_django import Settings

from caluma_async.access import TRUSTED
from caluma_async.errors import NotAllowed, Unauthenticated, Unavailable
from caluma_async.events import asend_event, feed
from caluma_async.events.feed import Changed
from caluma_async.events.models import Delivery
from caluma_async.events.receivers import registry
from caluma_async.events.telemetry import Kind
from caluma_async.graphql import database
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.live.app import LiveApp
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.verbs import run
from caluma_async.verbs.deliveries import DiscardDelivery, RetryDelivery
from tests.integration.delivery_stage import stage
from tests.integration.engine import delivering
from tests.live_client import Client, Closed, connected, dialled

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = "subscription { events { id name } }"
DELIVERIES = """subscription($status: DeliveryStatus, $receiver: String) {
  deliveries(status: $status, receiver: $receiver) { id receiver status attempt event { name } } }"""


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with registry.isolated():
        yield
    assert not feed.events
    assert not feed.deliveries
    database.live_threads.close()


def live(authenticator: Any = None) -> LiveApp:
    return LiveApp(GraphQLApp(schema, authenticator=authenticator))


def trusted() -> LiveApp:
    return LiveApp(GraphQLApp(schema, access=lambda user, request: TRUSTED))


async def refused(**scope: Any) -> bool:
    async with dialled(**scope) as client:
        return (await client.message())["type"] == "websocket.close"


async def test_only_the_protocol_is_spoken() -> None:
    assert await refused(subprotocols=[])
    assert await refused(subprotocols=["graphql-ws"])
    assert not await refused(subprotocols=["graphql-ws", "graphql-transport-ws"])


async def test_only_to_a_host_that_is_served_and_pages_of_origins_that_may(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://office.example"]
    for headers, expected in (
        ([(b"origin", b"https://evil.example")], True),
        ([(b"origin", b"null")], True),
        ([(b"origin", b"http://localhost")], False),
        ([(b"origin", b"https://office.example")], False),
    ):
        assert await refused(headers=headers) is expected, headers
    settings.ALLOWED_HOSTS = ["elsewhere.example"]
    assert await refused()


async def test_an_address_that_is_not_utf8_is_refused() -> None:
    assert await refused(path="/graphql", headers=[(b"host", b"\xff\xff")])


async def who(request: HttpRequest) -> User:
    """The user that the header names, or one of the ways to refuse."""
    name = request.headers.get("Authorization", "")
    refusals: dict[str, Exception] = {
        "bad": Unauthenticated("This token is not valid."),
        "wrong": NotAllowed("You are not in that group."),
        "down": Unavailable("The identity provider does not answer."),
    }
    if name in refusals:
        raise refusals[name]
    claims = {"exp": time.time()} if name == "old" else {}
    return User(name or None, groups=[request.headers.get("X-Group", "none")], claims=claims)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [("bad", 4403, "not valid"), ("wrong", 4403, "not in that group"), ("down", 1013, "does not answer")],
)
async def test_whoever_is_refused_is_told_why(name: str, code: int, says: str) -> None:
    async with connected(live(who)) as client:
        await client.say({"type": "connection_init", "payload": {"Authorization": name}})
        with pytest.raises(Closed) as closed:
            await client.next()
    assert closed.value.code == code
    assert says in closed.value.reason


async def test_a_user_is_known_by_the_header_of_the_handshake_too() -> None:
    async with connected(live(who), headers=[(b"authorization", b"bad")]) as client:
        await client.say({"type": "connection_init"})
        with pytest.raises(Closed):
            await client.next()


async def test_the_connection_ends_with_the_token() -> None:
    async with connected(live(who)) as client:
        await client.begin(Authorization="old")
        with pytest.raises(Closed) as closed:
            await client.next()
    assert (closed.value.code, closed.value.reason) == (4403, "The token has expired.")


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[" * 100_000,
        "1",
        "[]",
        "null",
        '{"type": []}',
        '{"type": "nothing"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": []}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": "{}"}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": {"a": "\\u0000"}}}',
        '{"type": "complete", "id": 1}',
        '{"type": "connection_init"}',
    ],
)
async def test_a_message_that_is_not_of_the_protocol_ends_the_connection_in_words(
    message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected() as client:
        await client.begin()
        await client.say(message)
        with pytest.raises(Closed) as closed:
            await client.next()
    assert 4400 <= closed.value.code < 4500
    assert closed.value.reason
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_bytes_and_messages_that_are_too_large_end_it(settings: Settings) -> None:
    settings.GRAPHQL_MAX_BODY = 1_000
    async with connected() as client:
        await client.say(json.dumps({"type": "ping", "payload": {"a": "x" * 1_000}}))
        with pytest.raises(Closed) as closed:
            await client.next()
    assert closed.value.code == 1009
    async with connected() as client:
        await client.to_server.put({"type": "websocket.receive", "bytes": b"x"})
        with pytest.raises(Closed):
            await client.next()


async def test_nobody_subscribes_before_it_is_known_who_it_is() -> None:
    async with connected() as client:
        await client.subscribe(EVENTS)
        with pytest.raises(Closed) as closed:
            await client.next()
    assert closed.value.code == 4401


async def refusal(client: Client, query: str, **variables: Any) -> str:
    await client.subscribe(query, **variables)
    answer = await client.next()
    assert (answer["type"], answer["id"]) == ("error", "1"), answer
    message: str = answer["payload"][0]["message"]
    return message


async def test_only_subscriptions_within_the_limits_are_run(settings: Settings) -> None:
    settings.GRAPHQL_MAX_DEPTH = 4
    async with connected() as client:
        await client.begin()
        assert "Only subscriptions" in await refusal(client, "{ allCases { totalCount } }")
        assert "Only subscriptions" in await refusal(client, "mutation { __typename }")
        assert "Syntax Error" in await refusal(client, "subscription {")
        assert "Cannot query field" in await refusal(client, "subscription { nothing }")
        deep = "subscription { events { case { document { form { id } } } } }"
        assert "levels deep" in await refusal(client, deep)
        assert "Variable '$types'" in await refusal(
            client, "subscription($types: [EventName!]) { events(types: $types) { id } }", types=["post_nothing"]
        )
        await client.subscribe(EVENTS)
        await client.say({"type": "ping"})
        assert (await client.next())["type"] == "pong"


async def test_a_connection_has_so_many_subscriptions_and_no_more(settings: Settings) -> None:
    settings.LIVE_SUBSCRIPTIONS = 2
    async with connected() as client:
        await client.begin()
        await client.subscribe(EVENTS, "1")
        await client.subscribe(EVENTS, "2")
        await client.subscribe(EVENTS, "3")
        answer = await client.next()
        assert (answer["type"], answer["id"]) == ("error", "3")
        await client.say({"type": "complete", "id": "1"})
        await client.subscribe(EVENTS, "3")
        await client.subscribe(EVENTS, "3")
        with pytest.raises(Closed) as closed:
            await client.next()
    assert closed.value.code == 4409


async def settled(client: Client) -> None:
    while not feed.deliveries:
        await client.say({"type": "ping"})
        assert (await client.next())["type"] == "pong"


async def test_deliveries_are_for_operators_and_pushed_as_they_move_on() -> None:
    with stage() as parcels:
        parcels.failing = {2}
        async with connected(trusted()) as client, delivering() as (worker, heard):
            await client.begin()
            await client.subscribe(DELIVERIES, receiver="porter")
            await settled(client)
            await asend_event(parcels.event, "test", number=2, street=None)
            await heard.until(Kind.FAILED)
            seen = []
            while "FAILED" not in seen:
                pushed = (await client.next())["payload"]["data"]["deliveries"]
                seen.append(pushed["status"])
            await worker.idle()
            assert (pushed["receiver"], pushed["attempt"], pushed["event"]) == ("porter", 1, {"name": "post_parcel"})
            await sync_to_async(run)(DiscardDelivery(User("ada"), id=pushed["id"]))
            while pushed["status"] != "DISCARDED":
                pushed = (await client.pushed())["deliveries"]


async def test_deliveries_are_filtered_by_status_and_receiver() -> None:
    with stage() as parcels:
        await sync_to_async(parcels.send)(1, 2)
        async with connected(trusted()) as client:
            await client.begin()
            await client.subscribe(DELIVERIES, status="HELD")
            await settled(client)
            first, second = await sync_to_async(lambda: list(Delivery.objects.order_by("pk")))()
            await sync_to_async(lambda: Delivery.objects.filter(pk=second.pk).update(state="held"))()
            feed.moved([Changed(first.pk, "porter"), Changed(second.pk, "porter"), Changed(10**9, "nobody")])
            assert (await client.pushed())["deliveries"]["id"] == str(second.pk)
            await sync_to_async(run)(RetryDelivery(User("ada"), id=second.pk))


async def test_deliveries_are_refused_to_everybody_by_default(settings: Settings) -> None:
    settings.PERMISSION_CLASSES = []
    async with connected(live()) as client:
        await client.begin()
        await client.subscribe(DELIVERIES)
        answer = await client.next()
    assert answer["type"] == "error"
    assert answer["payload"][0]["extensions"]["code"] == "not_allowed"
