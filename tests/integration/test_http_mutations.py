"""The one path of every mutation: a thread, a transaction, the payload after the commit, and nobody stops it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import Settings

from caluma_async.access import Trusted
from caluma_async.errors import Refused
from caluma_async.events import on
from caluma_async.events.event import EventType
from caluma_async.events.registry import registry
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.context import Context, Info
from caluma_async.graphql.database import on_callers_thread, orm
from caluma_async.graphql.execution import Schema
from caluma_async.graphql.perform import UnderWay, perform, under_way
from caluma_async.identity import User
from caluma_async.verbs import Verb
from tests.door import ask, door, messages

pytestmark = pytest.mark.django_db(transaction=True)

post_make_group = EventType("post_make_group", arguments=("group",))


class MakeGroup(Verb[Group]):
    """Makes a group, unless its name begins with `bad`."""

    def load(self) -> None:
        """Nothing is there yet."""

    def check(self) -> None:
        """The rule of this domain."""
        if self.data["name"].startswith("bad"):
            raise Refused(f"{self.data['name']} is no name for a group.")

    def write(self) -> Group:
        """Make it."""
        group = Group.objects.create(name=self.data["name"])
        self.emit(post_make_group, group=group)
        return group


@strawberry.type
class Query:
    @strawberry.field
    async def groups(self) -> list[str]:
        return await orm(lambda: list(Group.objects.order_by("pk").values_list("name", flat=True)))


@strawberry.type
class Made:
    name: str
    language: str


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def make(self, info: Info, name: str) -> Made | None:
        group = await perform(info, MakeGroup(info.context.user, access=info.context.access, name=name))
        return group and Made(name=group.name, language=translation.get_language() or "")


class OwnGroupsOnly(Trusted):
    """Shows nobody any group whose name begins with `secret`."""

    def visible(self, queryset: QuerySet[Any], user: User, *, through: str | None = None) -> QuerySet[Any]:
        """All but those."""
        return queryset.exclude(name__startswith="secret")

    def restricts(self, model: type[Any], *, through: str | None = None) -> bool:
        """Groups."""
        return model is Group


def app(**options: Any) -> GraphQLApp:
    return door(Schema(Query, Mutation), **options)


def names() -> list[str]:
    return list(Group.objects.order_by("pk").values_list("name", flat=True))


@pytest.fixture(autouse=True)
def _own_receivers() -> Iterator[None]:
    with registry.isolated():
        yield


async def test_mutations_of_one_document_run_in_order_each_in_its_own_transaction() -> None:
    document = """mutation {
        a: make(name: "a") { name }
        b: make(name: "bad b") { name }
        c: make(name: "a") { name }
        d: make(name: "d") { name }
    }"""
    response = await ask(app(), document)
    assert response.status_code == 200
    assert response.json()["data"] == {"a": {"name": "a"}, "b": None, "c": None, "d": {"name": "d"}}
    refused, internal = response.json()["errors"]
    assert (refused["path"], refused["extensions"]) == (["b"], {"code": "refused"})
    assert (internal["path"], internal["extensions"]["code"]) == (["c"], "internal")
    assert "constraint" not in response.text
    assert "unique" not in response.text.lower()
    assert await sync_to_async(names)() == ["a", "d"]


async def test_the_language_of_the_request_holds_in_receivers() -> None:
    heard: list[str | None] = []
    on(post_make_group)(lambda group, **kwargs: heard.append(translation.get_language()))
    await ask(app(), 'mutation { make(name: "a") { language } }', headers={"language": "fr"})
    assert heard == ["fr"]


async def test_a_coroutine_receiver_is_awaited_on_the_requests_loop_in_the_verbs_transaction() -> None:
    seen: dict[str, Any] = {}

    async def receiver(group: Group, **kwargs: Any) -> None:
        seen["loop"] = asyncio.get_running_loop()
        seen["inside"] = await sync_to_async(lambda: connection.in_atomic_block)()
        seen["thread"] = await sync_to_async(threading.current_thread)()
        await Group.objects.acreate(name=f"{group.name} 2")

    on(post_make_group, blocking=True)(receiver)
    response = await ask(app(), 'mutation { make(name: "a") { name } }')
    assert response.json() == {"data": {"make": {"name": "a"}}}
    assert seen["loop"] is asyncio.get_running_loop()
    assert seen["inside"]
    assert seen["thread"].name.startswith("graphql")
    assert await sync_to_async(names)() == ["a", "a 2"]


async def test_a_coroutine_receiver_that_fails_undoes_what_it_did_with_the_verb() -> None:
    async def receiver(group: Group, **kwargs: Any) -> None:
        await Group.objects.acreate(name=f"{group.name} 2")
        raise ValueError("a secret of the receiver")

    on(post_make_group, raise_exception=True, name="site.failing")(receiver)
    response = await ask(app(), 'mutation { make(name: "a") { name } }')
    assert response.status_code == 200
    assert response.json()["data"] == {"make": None}
    assert response.json()["errors"][0]["extensions"] == {"code": "receiver_failed"}
    assert "site.failing" in messages(response)
    assert "a secret" not in response.text
    assert await sync_to_async(names)() == []


async def test_the_payload_shows_what_receivers_did_elsewhere() -> None:
    on(post_make_group)(lambda group, **kwargs: Group.objects.filter(pk=group.pk).update(name="renamed"))
    response = await ask(app(), 'mutation { make(name: "a") { name } }')
    assert response.json() == {"data": {"make": {"name": "renamed"}}}


async def test_what_a_receiver_deleted_is_null_in_the_payload() -> None:
    on(post_make_group)(lambda group, **kwargs: Group.objects.filter(pk=group.pk).delete())
    response = await ask(app(), 'mutation { make(name: "a") { name } }')
    assert response.json() == {"data": {"make": None}}


async def test_what_the_user_may_not_see_is_null_in_the_payload() -> None:
    document = 'mutation { a: make(name: "a") { name } b: make(name: "secret") { name } }'
    response = await ask(app(access=lambda user, request: OwnGroupsOnly()), document)
    assert response.json() == {"data": {"a": {"name": "a"}, "b": None}}
    assert await sync_to_async(names)() == ["a", "secret"]


def test_a_payload_that_is_exact_costs_no_statement() -> None:
    schema = Schema(Query, Mutation)

    def statements(name: str) -> list[str]:
        with on_callers_thread(), CaptureQueriesContext(connection) as captured:
            result = async_to_sync(schema.execute)(
                f'mutation {{ make(name: "{name}") {{ name }} }}', context_value=Context()
            )
        assert result.data == {"make": {"name": name}}
        return [query["sql"] for query in captured.captured_queries if query["sql"].startswith(("SELECT", "INSERT"))]

    assert [sql.split()[0] for sql in statements("a")] == ["INSERT"]
    on(post_make_group, name="idle")(lambda group, **kwargs: None)
    assert [sql.split()[0] for sql in statements("b")] == ["INSERT"]
    on(post_make_group, name="asking")(lambda group, **kwargs: Group.objects.filter(pk=group.pk).update(name="c"))
    assert [sql.split()[0] for sql in statements("c")] == ["INSERT", "SELECT"]


# --- nobody stops it


class Gate:
    """A receiver that waits, inside the first verb, until it is let through."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, group: Group, **kwargs: Any) -> None:
        self.entered.set()
        assert self.opened.wait(30)


@pytest.fixture
def gate() -> Gate:
    gate = Gate()

    def receiver(group: Group, **kwargs: Any) -> None:
        gate(group)

    on(post_make_group)(receiver)
    return gate


TWO = 'mutation { a: make(name: "a") { name } b: make(name: "b") { name } }'


async def test_a_request_that_is_cancelled_leaves_the_whole_document_to_run_to_its_end(gate: Gate) -> None:
    request = asyncio.create_task(ask(app(), TWO))
    await asyncio.to_thread(gate.entered.wait, 30)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert len(under_way) == 1
    gate.opened.set()
    assert await under_way.finished(30)
    assert await sync_to_async(names)() == ["a", "b"]


async def test_a_coroutine_receiver_too_is_not_cancelled_with_the_request() -> None:
    entered, opened = asyncio.Event(), asyncio.Event()

    async def receiver(group: Group, **kwargs: Any) -> None:
        entered.set()
        await opened.wait()
        await Group.objects.acreate(name=f"{group.name} 2")

    on(post_make_group, blocking=True)(receiver)
    request = asyncio.create_task(ask(app(), TWO))
    await entered.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    opened.set()
    assert await under_way.finished(30)
    assert await sync_to_async(names)() == ["a", "a 2", "b", "b 2"]


async def test_a_stop_waits_for_mutations_but_not_for_ever(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    request = asyncio.create_task(ask(app(), TWO))
    await asyncio.to_thread(gate.entered.wait, 30)
    assert not await under_way.finished(0.01)
    assert "1 mutations were still under way 0.01 seconds after the stop." in caplog.text
    gate.opened.set()
    assert await under_way.finished(30)
    assert (await request).json()["data"] == {"a": {"name": "a"}, "b": {"name": "b"}}
    assert await under_way.finished(0)


async def test_an_error_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    let_go = asyncio.Event()

    async def work() -> None:
        await let_go.wait()
        raise ValueError("too late")

    own = UnderWay()
    caller = asyncio.create_task(own.to_the_end(work()))
    await asyncio.wait([caller], timeout=0.01)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    let_go.set()
    assert await own.finished(30)
    assert "nobody waited for" in caplog.text


async def test_a_mutation_is_logged_in_one_line_and_a_query_only_for_debugging(
    caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.INFO, "caluma_async.requests")
    await ask(app(), "{ groups }")
    await ask(app(), 'mutation { make(name: "a") { name } }')
    [record] = [record for record in caplog.records if record.name == "caluma_async.requests"]
    assert record.getMessage().startswith("POST mutation 200 in ")
    assert record.getMessage().endswith("user AnonymousUser")
