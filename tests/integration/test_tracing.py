"""Traces: one from the request over the verb to the deliveries after the commit, and nothing told that is secret."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from caluma_async import around
from caluma_async.errors import NotFound, Refused
from caluma_async.events import Retry, asend_event, on
from caluma_async.events.models import EventRecord
from caluma_async.events.receivers import registry
from caluma_async.events.telemetry import Kind
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.testing.factories import make_workflow
from caluma_async.tracing import spans
from caluma_async.verbs import run
from caluma_async.verbs.deliveries import RetryDelivery
from caluma_async.workflow.events import post_create_case
from tests.door import ask
from tests.integration.delivery_stage import Stage, stage
from tests.integration.engine import delivering

pytestmark = pytest.mark.django_db(transaction=True)

START = 'mutation($meta: JSONString) { saveCase(input: {workflow: "w", meta: $meta}) { case { id } } }'
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


class Collected:
    """The spans that have ended."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def of(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.of(name)
        return span


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Collected:
    """A provider for the length of a test."""
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(spans._is_collected, "look_again_at", 0.0)
    return Collected(exporter)


@pytest.fixture
def parcels() -> Iterator[Stage]:
    with stage() as found:
        yield found


@pytest.fixture
def receivers() -> Iterator[list[str]]:
    """One of each kind, on new cases; what traces they run in."""
    make_workflow("w", start=["a"])
    seen: list[str] = []

    def note() -> None:
        seen.append(f"{trace.get_current_span().get_span_context().trace_id:032x}")

    with registry.isolated():

        @on(post_create_case, name="awaits")
        async def awaits(**kwargs: Any) -> None:
            await asyncio.to_thread(note)

        @on(post_create_case, name="in.a.thread", blocking=False)
        def in_a_thread(**kwargs: Any) -> None:
            note()

        yield seen


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def key_of(span: ReadableSpan) -> int:
    return span.get_span_context().span_id


async def test_request_verb_and_deliveries_are_one_trace(collected: Collected, receivers: list[str]) -> None:
    async with delivering() as (_, heard):
        await ask(GraphQLApp(schema), START, PARENT, operationName=None)
        await heard.until(Kind.DELIVERED, 2)
    request, verb = collected.one("mutation"), collected.one("SaveCase")
    deliveries = collected.of("process post_create_case")
    assert {f"{span.get_span_context().trace_id:032x}" for span in collected.all()} == {TRACE}
    assert (parent_of(request), request.kind) == (int(SPAN, 16), SpanKind.SERVER)
    assert (parent_of(verb), verb.kind) == (key_of(request), SpanKind.INTERNAL)
    assert [(parent_of(span), span.kind) for span in deliveries] == [(key_of(verb), SpanKind.CONSUMER)] * 2
    assert [[link.context.span_id for link in span.links] for span in deliveries] == [[key_of(verb)]] * 2
    assert receivers == [TRACE, TRACE]
    assert all(span.status.status_code is StatusCode.UNSET for span in collected.all())


async def test_attributes_are_those_of_the_conventions(collected: Collected, receivers: list[str]) -> None:
    async with delivering() as (_, heard):
        document = f"mutation Start{START.removeprefix('mutation')}"
        await ask(GraphQLApp(schema), document, operationName="Start")
        await heard.until(Kind.DELIVERED, 2)
    assert told(collected.one("mutation")) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.path": "/graphql",
        "url.scheme": "http",
        "graphql.operation.type": "mutation",
        "graphql.operation.name": "Start",
    }
    verb = told(collected.one("SaveCase"))
    assert verb["code.function.name"].startswith("caluma_async.workflow.verbs.")
    record = await EventRecord.objects.aget()
    by_receiver = {
        told(span)["messaging.consumer.group.name"]: told(span) for span in collected.of("process post_create_case")
    }
    assert set(by_receiver) == {"awaits", "in.a.thread"}
    assert by_receiver["awaits"] == {
        "messaging.system": "caluma_async",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "post_create_case",
        "messaging.consumer.group.name": "awaits",
        "messaging.message.id": str(record.pk),
        "messaging.message.conversation_id": str(record.correlation_id),
        "caluma.delivery.id": by_receiver["awaits"]["caluma.delivery.id"],
        "caluma.delivery.attempt": 1,
    }


async def test_nothing_secret_is_told(collected: Collected, parcels: Stage) -> None:
    secret = "s3cr3t"

    @on(parcels.event, name="fails", blocking=False, retry=Retry(max_attempts=1))
    def fails(**kwargs: Any) -> None:
        raise ValueError(secret)

    user = User(secret, groups=[secret], claims={"claim": secret}, token=secret)
    await sync_to_async(make_workflow)("w", start=["a"])
    async with delivering() as (_, heard):
        await asend_event(parcels.event, secret, user=user, context={secret: secret}, number=1, street=secret)
        await ask(GraphQLApp(schema), START, {"Cookie": secret}, variables={"meta": json.dumps({"a": secret})})
        await ask(GraphQLApp(schema), f'{{ node(id: "{secret}") {{ id }} }}')
        await heard.until(Kind.FAILED)
        await heard.until(Kind.DELIVERED)
    assert len(collected.all()) == 5
    assert [span.name for span in collected.all() if secret in span.to_json()] == []


async def test_errors_are_told_by_their_kind(collected: Collected, parcels: Stage) -> None:
    parcels.failing = {1}

    @on(parcels.event, name="slow", timeout=0.01, retry=Retry(max_attempts=1))
    async def slow(**kwargs: Any) -> None:
        await asyncio.Event().wait()

    async with delivering() as (_, heard):
        await asend_event(parcels.event, "test", number=1, street=None)
        await heard.until(Kind.FAILED, 2)
    kinds = {told(span)["messaging.consumer.group.name"]: told(span)["error.type"] for span in collected.all()}
    assert kinds == {"porter": "builtins.ValueError", "slow": "caluma_async.events.executor.TimedOut"}
    assert all(span.status.status_code is StatusCode.ERROR for span in collected.all())
    assert all(not span.events and not span.status.description for span in collected.all())
    with pytest.raises(NotFound):
        await sync_to_async(run)(RetryDelivery(User("ada"), id=10**9))
    assert told(collected.one("RetryDelivery"))["error.type"] == NotFound.code != Refused.code


async def test_each_attempt_is_a_span_and_later_ones_too_belong_to_the_trace(collected: Collected) -> None:
    with stage(retry=Retry(max_attempts=2, base=0.01)) as parcels:
        parcels.failing = {1}
        async with delivering() as (_, heard):
            with trace.get_tracer("test").start_as_current_span("outside") as outside:
                await asend_event(parcels.event, "test", number=1, street=None)
            await heard.until(Kind.FAILED)
    attempts = collected.of("process post_parcel")
    assert [told(span)["caluma.delivery.attempt"] for span in attempts] == [1, 2]
    assert [parent_of(span) for span in attempts] == [outside.get_span_context().span_id] * 2


async def test_what_receivers_cause_belongs_to_the_trace(collected: Collected, parcels: Stage) -> None:
    @on(parcels.event, name="sends.on")
    async def sends_on(number: int, **kwargs: Any) -> None:
        if number == 1:
            await asend_event(parcels.event, "receiver", number=2, street=None)

    async with delivering() as (_, heard):
        await asend_event(parcels.event, "test", number=1, street=None)
        await heard.until(Kind.DELIVERED, 4)
    first = next(
        span
        for span in collected.all()
        if told(span)["messaging.consumer.group.name"] == "sends.on" and not span.parent
    )
    second = [span for span in collected.all() if parent_of(span) == key_of(first)]
    assert len(second) == 2
    assert len(collected.all()) == 4


async def test_a_request_inside_a_span_is_part_of_it(collected: Collected) -> None:
    with trace.get_tracer("test").start_as_current_span("server") as server:
        await ask(GraphQLApp(schema), "{ __typename }", PARENT)
    query = collected.one("query")
    assert (parent_of(query), query.kind) == (server.get_span_context().span_id, SpanKind.INTERNAL)


async def test_what_is_no_operation_is_told_as_such(collected: Collected) -> None:
    await ask(GraphQLApp(schema), "{ nonsense")
    span = collected.one("GraphQL Operation")
    assert told(span)["http.response.status_code"] == 400
    assert told(span)["error.type"] == "invalid"


def test_it_costs_no_statement(collected: Collected, parcels: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with CaptureQueriesContext(connection) as traced, trace.get_tracer("test").start_as_current_span("outside"):
        parcels.send(1)
    monkeypatch.undo()
    with CaptureQueriesContext(connection) as untraced:
        parcels.send(2)
    assert len(traced) == len(untraced)
    (first, second) = EventRecord.objects.order_by("id")
    span = collected.one("outside").get_span_context()
    assert first.trace == f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    assert second.trace is None


def test_without_a_provider_nothing_is_put_around_anything_and_nothing_stored(parcels: Stage) -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert around.verbs(object()) is spans._NOTHING
    parcels.send(1)
    assert EventRecord.objects.get().trace is None


def test_a_provider_that_is_set_later_is_found_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.05, 100.11, 100.12])
    monkeypatch.setattr(spans, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(spans._is_collected, "look_again_at", 0.0)
    assert not spans._is_collected()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: TracerProvider(shutdown_on_exit=False))
    assert not spans._is_collected()
    assert spans._is_collected()
    assert spans._is_collected()


def test_it_can_be_taken_away_again(collected: Collected) -> None:
    spans.uninstall()
    try:
        with around.verbs(object()):
            assert around.carried() is None
        assert collected.all() == []
    finally:
        spans.install()
    with around.verbs(object()):
        assert around.carried() is not None


async def test_what_waits_is_sent_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []

    class Provider(TracerProvider):
        def force_flush(self, timeout_millis: int = 30000) -> bool:
            flushed.append(None)
            return True

    await spans.flush()
    provider = Provider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    await spans.flush()
    assert flushed == [None]


def test_without_the_package_there_is_nothing() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
import django
django.setup()
import asyncio
from caluma_async import around
from caluma_async.tracing import spans
assert spans.trace is None
asyncio.run(spans.flush())
assert around.verbs(object()) is around._NOTHING
assert around.carried() is None
print("nothing")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("nothing\n", 0), done.stderr
