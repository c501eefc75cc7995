"""What subscribers who wait for something else cost a mutation: no statement, no record, no turn of the event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from caluma_async.events import feed, on, scope
from caluma_async.events.feed import Feed
from caluma_async.events.receivers import registry
from caluma_async.events.scope import Pending
from caluma_async.form.api import save_answer
from caluma_async.graphql import database
from caluma_async.graphql.live.tail import Tail
from caluma_async.graphql.relay import encode
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_document, make_question, make_task, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CompleteWorkItem, SuspendCase
from caluma_async.workflow.events import post_complete_work_item
from caluma_async.workflow.models import WorkItem
from tests.live_client import Client, connected

pytestmark = pytest.mark.django_db(transaction=True)

ANNA = User("anna")
EVENTS = """subscription($types: [EventName!], $case: ID, $family: ID) {
  events(types: $types, case: $case, family: $family) { name } }"""
LOGGED = pytest.mark.parametrize("logged", [False, True], ids=["from memory", "from the log"])


@pytest.fixture(autouse=True)
def _isolated(settings: Settings) -> Iterator[None]:
    settings.EVENT_POLL = 60.0
    with registry.isolated():
        yield
    assert not feed.events
    database.live_threads.close()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the events that are handed over to be recorded."""
    names: list[str] = []
    [record] = scope._recorders

    def recording(pendings: Sequence[Pending], *, is_last: bool) -> None:
        names.extend(pending.event.name for pending in pendings)
        record(pendings, is_last=is_last)

    monkeypatch.setattr(scope, "_recorders", [recording])
    return names


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why the event loop of the subscribers was woken."""
    reasons: list[str] = []

    def watch(kind: type, name: str) -> None:
        function = getattr(kind, name)

        def watched(*arguments: Any) -> None:
            reasons.append(name)
            function(*arguments)

        monkeypatch.setattr(kind, name, watched)

    watch(Feed, "publish_here")
    watch(Tail, "_ring")
    return reasons


async def work(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return await sync_to_async(function, thread_sensitive=True)(*arguments, **named)


def two_items() -> tuple[WorkItem, WorkItem]:
    """Each ready, of a case of its own; their workflow has been loaded."""
    make_task("b")
    make_workflow("w", start=["a"], flows={"a": "'b'|task"})
    used, first, second = (make_case("w", ready=["a"], user=ANNA).work_items.get() for _ in range(3))
    run(CompleteWorkItem(ANNA, id=used.pk))
    return first, second


def statements(function: Callable[..., Any], *arguments: Any, **named: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        function(*arguments, **named)
    return len(captured.captured_queries)


@asynccontextmanager
async def waiting(*asked: dict[str, Any]) -> AsyncIterator[Client]:
    """A client with subscriptions that are in force."""
    async with connected() as client:
        await client.begin()
        for number, variables in enumerate(asked):
            await client.subscribe(EVENTS, str(number), **variables)
        while len({one for room in feed.events._rooms.values() for key in room for one in room[key]}) < len(asked):
            await client.say({"type": "ping"})
            assert (await client.next())["type"] == "pong"
        yield client


@LOGGED
async def test_they_cost_nothing(settings: Settings, logged: bool, recorded: list[str], woken: list[str]) -> None:
    settings.EVENT_LOG = logged
    one, item = await work(two_items)
    without = await work(statements, run, CompleteWorkItem(ANNA, id=one.pk))
    other = encode("Case", one.case_id)
    asked = (
        {"family": other},
        {"types": ["post_suspend_case"]},
        {"types": ["post_complete_work_item"], "case": other},
    )
    async with waiting(*asked) as client:
        recorded.clear()
        assert await work(statements, run, CompleteWorkItem(ANNA, id=item.pk)) == without
        assert recorded == (["post_complete_work_item", "post_create_work_item"] if logged else [])
        assert woken == []
        await work(run, SuspendCase(ANNA, id=item.case_id))
        assert (await client.pushed("1"))["events"]["name"] == "post_suspend_case"
    assert recorded[-1] == "post_suspend_case"
    assert "publish_here" in woken


async def test_what_only_receivers_want_is_told_to_nobody_else(recorded: list[str], woken: list[str]) -> None:
    one, item = await work(two_items)

    @on(post_complete_work_item)
    async def received(**kwargs: Any) -> None: ...

    async with waiting({"family": encode("Case", one.case_id)}):
        await work(run, CompleteWorkItem(ANNA, id=item.pk))
        assert recorded == ["post_complete_work_item"]
        assert woken == []


async def test_the_lane_of_a_document_is_asked_for_only_where_it_decides() -> None:
    await work(make_question, "colour", form="painting")
    document = await work(make_document, "painting")

    def save(value: str) -> int:
        return statements(save_answer, "colour", document, ANNA, value=value)

    await work(save, "red")
    without = await work(save, "green")
    one, _ = await work(two_items)
    async with waiting({"types": ["post_complete_work_item"], "family": encode("Case", one.case_id)}):
        assert await work(save, "blue") == without
    async with waiting({"family": encode("Case", one.case_id)}):
        assert await work(save, "white") == without + 1
