"""What subscribers to events are shown: what was committed, what they may see, in order, and as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from caluma_async.access.permissions import BasePermission, permission_for
from caluma_async.access.site import Rules, SiteAccess
from caluma_async.access.visibilities import BaseVisibility, filter_queryset_for
from caluma_async.events import EventType, feed, on, send_event
from caluma_async.events.models import EventRecord
from caluma_async.events.outbox import log
from caluma_async.events.receivers import registry
from caluma_async.graphql import database
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.live.app import LiveApp
from caluma_async.graphql.relay import encode
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.verbs.deliveries import SeeEvents
from caluma_async.workflow import CompleteWorkItem, SaveCase, SkipWorkItem, SuspendCase
from caluma_async.workflow.events import post_create_case, pre_create_case
from caluma_async.workflow.models import Case, Workflow, WorkItem
from tests.live_client import Client, Closed, connected

pytestmark = pytest.mark.django_db(transaction=True)

ANNA = User("anna", groups=["clerks"])
EVENTS = """subscription($types: [EventName!], $case: ID, $family: ID, $task: [ID!], $after: ID) {
  events(types: $types, case: $case, family: $family, task: $task, after: $after) {
    id name sender user emittedAt causationId correlationId
    workItem { id status task { slug } case { id } } case { id status } } }"""
LOGGED = pytest.mark.parametrize("logged", [False, True], ids=["from memory", "from the log"])


@pytest.fixture(autouse=True)
def _isolated(settings: Settings) -> Iterator[None]:
    settings.EVENT_POLL = 0.05
    with registry.isolated():
        yield
    assert not feed.events
    assert not feed.deliveries
    database.live_threads.close()


async def work(function: Any, *arguments: Any, **named: Any) -> Any:
    return await sync_to_async(function, thread_sensitive=True)(*arguments, **named)


async def listening(client: Client) -> None:
    """Wait until the subscription is in force: a ping alone does not tell, but that the feed has it does."""
    await client.say({"type": "ping"})
    assert (await client.next())["type"] == "pong"


async def subscribed(client: Client, key: str = "1", **variables: Any) -> None:
    """Subscribe, and wait until it is in force."""
    before = number_of_subscribers()
    await client.subscribe(EVENTS, key, **variables)
    while number_of_subscribers() == before:
        await listening(client)


def number_of_subscribers() -> int:
    return len({one for room in feed.events._rooms.values() for of_key in room.values() for one in of_key})


def two_cases() -> tuple[WorkItem, WorkItem]:
    make_task("b")
    make_workflow("w", start=["a"], flows={"a": "'b'|task"})
    return tuple(make_case("w", ready=["a"], user=ANNA).work_items.get() for _ in range(2))  # type: ignore[return-value]


def ready_item(user: User) -> WorkItem:
    workflow = Workflow.objects.filter(pk="w").first() or make_workflow("w", start=["a"])
    return make_case(workflow, ready=["a"], user=user).work_items.get()


def complete(item: WorkItem) -> WorkItem:
    return run(CompleteWorkItem(ANNA, id=item.pk))


@LOGGED
async def test_every_committed_event_is_pushed_in_order_as_it_is(settings: Settings, logged: bool) -> None:
    settings.EVENT_LOG = logged
    item, _ = await work(two_cases)
    async with connected() as client:
        await client.begin()
        await subscribed(client)
        await work(complete, item)
        first, second = (await client.pushed())["events"], (await client.pushed())["events"]
    assert (first["name"], first["sender"], first["user"]) == ("post_complete_work_item", "CompleteWorkItem", "anna")
    assert first["workItem"]["id"] == encode("WorkItem", item.pk)
    assert first["workItem"]["status"] == "COMPLETED"
    assert first["workItem"]["case"]["id"] == encode("Case", item.case_id)
    assert first["case"] is None
    assert (second["name"], second["workItem"]["task"]["slug"]) == ("post_create_work_item", "b")
    assert (first["causationId"], first["correlationId"]) == (None, first["id"])
    assert first["id"] < second["id"]


@LOGGED
async def test_what_is_undone_is_not_pushed(settings: Settings, logged: bool) -> None:
    settings.EVENT_LOG = logged
    one, other = await work(two_cases)

    def undo() -> None:
        with transaction.atomic():
            complete(one)
            transaction.set_rollback(True)

    async with connected() as client:
        await client.begin()
        await subscribed(client)
        await work(undo)
        await work(complete, other)
        assert (await client.pushed())["events"]["workItem"]["id"] == encode("WorkItem", other.pk)


@LOGGED
async def test_a_subscriber_gets_what_it_asks_for_and_nothing_else(settings: Settings, logged: bool) -> None:
    settings.EVENT_LOG = logged
    one, other = await work(two_cases)
    async with connected() as client:
        await client.begin()
        await subscribed(client, "types", types=["post_create_work_item"])
        await subscribed(client, "case", case=str(other.case_id))
        await subscribed(client, "family", family=encode("Case", other.case_id))
        await subscribed(client, "task", task=["b"])
        await work(complete, one)
        await work(complete, other)
        got: dict[str, list[tuple[str, str]]] = {}
        for _ in range(2 + 2 + 2 + 2):
            message = await client.next()
            event = message["payload"]["data"]["events"]
            got.setdefault(message["id"], []).append((event["name"], event["workItem"]["case"]["id"]))
    here, there = encode("Case", one.case_id), encode("Case", other.case_id)
    assert got["types"] == [("post_create_work_item", here), ("post_create_work_item", there)]
    assert got["case"] == got["family"] == [("post_complete_work_item", there), ("post_create_work_item", there)]
    assert got["task"] == got["types"]


class OwnOnly(BaseVisibility):
    """Users see cases that they made, and their work items."""

    @filter_queryset_for(Case)
    def cases(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset.filter(created_by_user=info.user.username)

    @filter_queryset_for(WorkItem)
    def work_items(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset.filter(case__created_by_user=info.user.username)


class Operators(BasePermission):
    """Ops may see all events."""

    @permission_for(SeeEvents)
    def see(self, mutation: Any, info: Any) -> bool:
        return "ops" in info.user.groups


async def by_name(request: HttpRequest) -> User:
    """Whoever says so."""
    name, _, group = request.headers.get("Authorization", "").partition("/")
    return User(name, groups=[group] if group else [])


def guarded() -> LiveApp:
    rules = Rules(visibilities=[OwnOnly], permissions=[Operators])
    app = GraphQLApp(schema, access=lambda user, request: SiteAccess(rules, request), authenticator=by_name)
    return LiveApp(app)


@LOGGED
async def test_a_subscriber_sees_events_of_what_it_may_see_only(settings: Settings, logged: bool) -> None:
    settings.EVENT_LOG = logged
    item, _ = await work(two_cases)
    theirs = await work(ready_item, User("otto"))
    async with connected(guarded()) as client:
        await client.begin(Authorization="otto")
        await subscribed(client)
        await work(complete, item)
        await work(complete, theirs)
        assert (await client.pushed())["events"]["workItem"]["id"] == encode("WorkItem", theirs.pk)
        await client.subscribe(EVENTS, "hidden", case=str(item.case_id))
        answer = await client.next()
        while answer["type"] == "next":
            assert answer["payload"]["data"]["events"]["workItem"]["case"]["id"] == encode("Case", theirs.case_id)
            answer = await client.next()
    assert (answer["type"], answer["id"]) == ("error", "hidden")
    assert "you may not see it" in answer["payload"][0]["message"]


@LOGGED
async def test_events_about_no_object_are_for_those_who_may_see_events(settings: Settings, logged: bool) -> None:
    settings.EVENT_LOG = logged
    rung = EventType("post_rung", arguments=("bell",))
    item = await work(ready_item, ANNA)
    async with connected(guarded()) as anna, connected(guarded()) as operator:
        await anna.begin(Authorization="anna")
        await operator.begin(headers={"Authorization": "oskar/ops"})
        await subscribed(anna)
        await subscribed(operator)
        await work(send_event, rung, "tower", bell=object())
        await work(complete, item)
        assert (await operator.pushed())["events"]["name"] == "post_rung"
        assert (await anna.pushed())["events"]["name"] == "post_complete_work_item"


@pytest.mark.parametrize("number", [1, 5])
async def test_the_objects_of_many_events_are_loaded_by_one_statement(
    number: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await work(two_cases)
    case = await work(lambda: make_case("w", ready=[f"t{n}" for n in range(number)], user=ANNA))
    counted: list[int] = []

    async def orm(function: Any, *arguments: Any) -> Any:
        def counting() -> Any:
            with CaptureQueriesContext(connection) as captured:
                found = function(*arguments)
            counted.append(len(captured.captured_queries))
            return found

        return await work(counting)

    monkeypatch.setattr("caluma_async.graphql.live.subscriptions.orm", orm)
    async with connected() as client:
        await client.begin()
        await subscribed(client, types=["post_suspend_work_item", "post_suspend_case"])
        counted.clear()
        await work(run, SuspendCase(ANNA, id=case.pk))
        names = [(await client.pushed())["events"]["name"] for _ in range(number + 1)]
    assert names.count("post_suspend_work_item") == number
    assert counted == [2]


async def test_it_goes_on_behind_an_event_without_gap_or_double(settings: Settings) -> None:
    settings.EVENT_LOG = True
    items = await work(two_cases)
    async with connected() as client:
        await client.begin()
        await subscribed(client)
        await work(complete, items[0])
        last = (await client.pushed())["events"]
    await work(complete, items[1])
    async with connected() as client:
        await client.begin()
        await client.subscribe(EVENTS, after=last["id"])
        third = await work(ready_item, ANNA)
        await work(complete, third)
        ids = [(await client.pushed())["events"]["id"] for _ in range(5)]
    stored = await work(
        lambda: [str(key) for key in EventRecord.objects.order_by("position").values_list("pk", flat=True)]
    )
    assert [last["id"], *ids] == stored


async def test_an_event_that_is_committed_later_than_it_was_emitted_is_not_missed(settings: Settings) -> None:
    settings.EVENT_LOG = True
    items = await work(two_cases)
    await work(complete, items[0])
    await work(log.place)
    seen = await work(lambda: EventRecord.objects.order_by("position").last())
    # as if a transaction had emitted it before, and committed it only now
    early = await work(lambda: EventRecord.objects.order_by("position").first())

    def commit_late() -> None:
        complete(items[1])
        late = EventRecord.objects.get(position=0, type="post_complete_work_item")
        EventRecord.objects.filter(pk=late.pk).update(id=type(late.pk)(int=early.pk.int - 1))

    await work(commit_late)
    async with connected() as client:
        await client.begin()
        await client.subscribe(EVENTS, after=str(seen.pk))
        got = [(await client.pushed())["events"] for _ in range(2)]
    assert {event["workItem"]["case"]["id"] for event in got} == {encode("Case", items[1].case_id)}
    assert got[0]["id"] < str(seen.pk)


@pytest.mark.parametrize(
    ("after", "logged", "says"),
    [
        ("0199-x", True, "is not the id of an event"),
        ("01990000-0000-7000-8000-000000000000", True, "does not hold the event"),
        ("01990000-0000-7000-8000-000000000000", False, "keeps no log"),
    ],
)
async def test_a_wrong_after_is_refused(settings: Settings, after: str, logged: bool, says: str) -> None:
    settings.EVENT_LOG = logged
    async with connected() as client:
        await client.begin()
        await client.subscribe(EVENTS, after=after)
        answer = await client.next()
    assert answer["type"] == "error"
    assert says in answer["payload"][0]["message"]
    assert answer["payload"][0]["extensions"] == {"code": "invalid", "field": "after"}


async def test_unknown_names_are_refused(settings: Settings) -> None:
    async with connected() as client:
        await client.begin()
        for variables in ({"types": ["post_nothing"]}, {"task": ["nothing"]}, {"case": "?"}, {"family": str(ANNA)}):
            await client.subscribe(EVENTS, **variables)
            answer = await client.next()
            assert answer["type"] == "error", variables
            assert answer["payload"][0]["message"], variables
        await client.subscribe(EVENTS, task=["a"] * 101)
        assert "100 at most" in (await client.next())["payload"][0]["message"]


@LOGGED
async def test_a_slow_subscriber_is_cut_off_and_told_why_and_nobody_waits_for_it(
    settings: Settings, logged: bool
) -> None:
    settings.EVENT_LOG, settings.LIVE_QUEUE_SIZE = logged, 3
    make = lambda: make_case(make_workflow("w", start=["a"]), ready=["a"] * 1, user=ANNA)  # noqa: E731
    case = await work(make)
    items = await work(lambda: [make_work_item(case, make_task(f"t{n}"), user=ANNA) for n in range(8)])
    async with connected() as slow, connected() as quick:
        await slow.begin()
        await quick.begin()
        await subscribed(slow)
        await subscribed(quick)
        slow.reads.clear()
        for item in items:
            await work(run, SkipWorkItem(ANNA, id=item.pk))
            assert (await quick.pushed())["events"]["workItem"]["id"] == encode("WorkItem", item.pk)
        while number_of_subscribers() > 1:
            await listening(quick)
        slow.reads.set()
        with pytest.raises(Closed) as closed:
            await last_of(slow)
    assert closed.value.code == 1013
    assert closed.value.reason.startswith("Too slow: more than 3 events were waiting.")


async def last_of(client: Client) -> None:
    while True:
        await client.next()


async def test_a_field_that_fails_is_told_in_our_words_and_the_next_event_comes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = await work(two_cases)

    def broken(*_: Any) -> Any:
        raise ValueError("a secret")

    monkeypatch.setattr("caluma_async.graphql.live.sight.Sight.of", broken)
    async with connected() as client:
        await client.begin()
        await subscribed(client)
        await work(complete, items[0])
        answer = await client.next()
    assert answer["type"] == "error"
    assert answer["payload"][0]["message"].startswith("internal error ")


async def test_a_mutation_with_nobody_listening_costs_what_it_did(settings: Settings) -> None:
    items = await work(two_cases)

    def count(item: WorkItem) -> int:
        with CaptureQueriesContext(connection) as captured:
            complete(item)
        return len(captured.captured_queries)

    without = await work(count, items[0])
    settings.EVENT_LOG = True
    assert await work(count, items[1]) == without + 1
    assert await work(EventRecord.objects.count) == 2


async def test_the_log_keeps_events_that_are_delivered_too_and_pre_events_not(settings: Settings) -> None:
    settings.EVENT_LOG = True

    @on(post_create_case)
    async def received(**kwargs: Any) -> None: ...

    @on(pre_create_case)
    def before(**kwargs: Any) -> None: ...

    await work(lambda: run(SaveCase(ANNA, workflow=make_workflow("w", start=["a"]).pk)))
    names = await work(lambda: [entry.event.type for entry in log.newer(0)])
    assert names == ["post_create_case", "post_create_work_item"]
    assert await work(log.end) == 2
