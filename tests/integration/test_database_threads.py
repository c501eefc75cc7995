"""The threads that work with the database for requests: bounded, each with a connection that lasts until it is dead."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, connections, transaction
from django.utils import translation
from pytest_django import Settings

from caluma_async.connections import KeptConnections, release_unsound
from caluma_async.graphql.database import Threads, on_callers_thread, orm, threads
from caluma_async.graphql.execution import Schema
from tests.door import client_of, door

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    yield
    threads.close()


def one() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


def backend() -> int:
    """The process of the server that serves this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def end_backends(pids: set[int]) -> None:
    """End these processes of the server, and wait until they have ended."""
    with connection.cursor() as cursor:
        for pid in pids:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            assert cursor.fetchone() == (True,)


async def all_at_once(function: Any, count: int) -> list[Any]:
    """Call the function in so many threads, all of which are in it at the same time."""
    barrier = threading.Barrier(count)

    def together() -> Any:
        barrier.wait(30)
        return function()

    return list(await asyncio.gather(*(orm(together) for _ in range(count))))


async def test_no_more_threads_than_the_setting_says(settings: Settings) -> None:
    settings.GRAPHQL_THREADS = 2
    most, now, lock = 0, 0, threading.Lock()

    def count() -> str:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        one()
        with lock:
            now -= 1
        return threading.current_thread().name

    names = await asyncio.gather(*(orm(count) for _ in range(50)))
    assert most <= 2
    assert len(set(names)) <= 2
    assert all(name.startswith("graphql") for name in names)


async def test_arguments_results_and_errors_pass_through() -> None:
    assert await orm(divmod, 7, 2) == (3, 1)
    assert await orm(sorted, [1, 2], reverse=True) == [2, 1]
    with pytest.raises(ZeroDivisionError):
        await orm(divmod, 1, 0)


async def test_a_connection_lasts_from_unit_to_unit_without_a_statement_in_between(settings: Settings) -> None:
    settings.GRAPHQL_THREADS = 1
    statements: list[str] = []

    def watched() -> int:
        def note(execute: Any, sql: str, *rest: Any) -> Any:
            statements.append(sql)
            return execute(sql, *rest)

        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)
        one()
        return id(connection.connection)

    first = await orm(watched)
    statements.clear()
    same = await orm(lambda: (one(), id(connection.connection))[1])
    await orm(connection.execute_wrappers.clear)
    assert same == first
    assert statements == ["SELECT 1"]


async def test_the_callers_language_holds_in_the_thread() -> None:
    with translation.override("fr"):
        assert await orm(translation.get_language) == "fr"
    with translation.override("de"):
        assert await orm(translation.get_language) == "de"


async def test_a_failed_statement_costs_no_connection(settings: Settings) -> None:
    settings.GRAPHQL_THREADS = 1

    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense FROM nowhere")

    def identity() -> int:
        one()
        return id(connection.connection)

    before = await orm(identity)
    with pytest.raises(Exception, match="nowhere"):
        await orm(fail)
    assert await orm(identity) == before
    assert not await orm(lambda: connection.errors_occurred)


async def test_a_unit_that_leaves_autocommit_off_leaves_no_connection(settings: Settings) -> None:
    settings.GRAPHQL_THREADS = 1
    await orm(transaction.set_autocommit, False)
    assert await orm(lambda: connection.connection is None)
    assert await orm(one) == 1
    assert await orm(transaction.get_autocommit)


@pytest.mark.postgres
async def test_a_unit_that_leaves_a_transaction_open_leaves_no_connection(settings: Settings) -> None:
    settings.GRAPHQL_THREADS = 1

    def begin() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")

    await orm(begin)
    assert await orm(lambda: connection.connection is None)


async def test_a_connection_that_is_too_old_is_replaced(settings: Settings) -> None:
    settings.GRAPHQL_THREADS = 1

    def age(close_at: float, max_age: int) -> None:
        one()
        connection.close_at = close_at
        connection.settings_dict["CONN_MAX_AGE"] = max_age

    original = connection.settings_dict["CONN_MAX_AGE"]
    try:
        await orm(age, time.monotonic() - 1, 60)
        assert await orm(lambda: connection.connection is None)
        await orm(age, time.monotonic() + 60, 60)
        assert await orm(lambda: connection.connection is not None)
        await orm(age, time.monotonic() - 1, 0)
        assert await orm(lambda: connection.connection is not None)
    finally:
        connection.settings_dict["CONN_MAX_AGE"] = original


def test_a_transaction_that_is_open_is_left_alone() -> None:
    with transaction.atomic():
        one()
        release_unsound()
        assert connection.connection is not None
        assert one() == 1


async def test_closing_closes_every_connection_and_may_be_repeated() -> None:
    pool = Threads()
    await asyncio.to_thread(pool.close)
    wrappers = [await pool.hop()(lambda: (one(), connections["default"])[1]) for _ in range(3)]
    assert any(wrapper.connection is not None for wrapper in wrappers)
    await asyncio.to_thread(pool.close)
    await asyncio.to_thread(pool.close)
    assert all(wrapper.connection is None for wrapper in wrappers)
    assert await pool.hop()(one) == 1
    await asyncio.to_thread(pool.close)


def test_kept_connections_of_other_threads_can_be_closed_from_here() -> None:
    kept = KeptConnections()
    wrappers: list[Any] = []

    def work() -> None:
        with kept.unit():
            one()
            wrappers.append(connections["default"])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert wrappers[0].connection is not None
    kept.close()
    assert wrappers[0].connection is None


def test_tests_may_have_everything_on_their_own_thread() -> None:
    async def names() -> set[str]:
        return {await orm(lambda: threading.current_thread().name) for _ in range(3)}

    with on_callers_thread(), transaction.atomic():
        Group.objects.create(name="a")
        assert async_to_sync(names)() == {threading.current_thread().name}
        assert async_to_sync(orm)(Group.objects.count) == 1
        transaction.set_rollback(True)
    assert threading.current_thread().name not in async_to_sync(names)()


# --- the server ends a connection


@strawberry.type
class Query:
    @strawberry.field
    async def one(self) -> int:
        return await orm(one)


@pytest.mark.postgres
async def test_backends_that_end_while_idle_cost_no_request(settings: Settings) -> None:
    settings.GRAPHQL_THREADS = 4
    pids = set(await all_at_once(backend, 4))
    assert len(pids) == 4
    await sync_to_async(end_backends)(pids)
    async with client_of(door(Schema(Query))) as client:
        bodies = [client.post("/graphql", json={"query": "{ one }"}) for _ in range(20)]
        answers = [response.json() for response in await asyncio.gather(*bodies)]
    assert answers == [{"data": {"one": 1}}] * 20
    assert pids.isdisjoint(await all_at_once(backend, 4))


@pytest.mark.postgres
async def test_backends_that_end_under_way_cost_these_requests_an_error_each_and_no_later_one(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.GRAPHQL_THREADS = 4
    pids: list[int] = []
    begun = threading.Barrier(5)

    @strawberry.type
    class Slow(Query):
        @strawberry.field
        async def slow(self) -> int | None:
            return await orm(wait)

    def wait() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            pids.append(backend())
            begun.wait(30)
            cursor.execute("SELECT pg_sleep(60)")
        return 1

    async with client_of(door(Schema(Slow))) as client:
        slow = [asyncio.create_task(client.post("/graphql", json={"query": "{ slow }"})) for _ in range(4)]
        await asyncio.to_thread(begun.wait, 30)
        await sync_to_async(end_backends)(set(pids))
        answers = [response.json() for response in await asyncio.gather(*slow)]
        later = [await client.post("/graphql", json={"query": "{ one }"}) for _ in range(20)]
    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["internal"] * 4
    assert [answer["data"] for answer in answers] == [{"slow": None}] * 4
    assert [response.json() for response in later] == [{"data": {"one": 1}}] * 20
