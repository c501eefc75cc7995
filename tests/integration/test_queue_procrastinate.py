"""The carrier over Procrastinate: its jobs come and go with the rows, and whatever becomes of them, no row is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from procrastinate.exceptions import ConnectorException

from caluma_async.errors import Misconfigured
from caluma_async.events import EventType, Retry, lifecycle, on, send_event
from caluma_async.events.carriers import procrastinate
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.carriers.base import Waiting
from caluma_async.events.carriers.parked import Parked
from caluma_async.events.carriers.procrastinate import QUEUE, TASK, Jobs, Procrastinate
from caluma_async.events.checks import check_carrier
from caluma_async.events.emit import emissions
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind, listeners
from caluma_async.events.worker import Worker
from tests.integration.engine import Heard, delivering, in_thread, rows
from tests.integration.worker_stage import alone, async_append, built, emit_in_transaction, isolated, painted  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _no_jobs(transactional_db: None) -> Iterator[None]:
    yield
    run("DELETE FROM procrastinate_jobs")


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """This thread emits as a process would that does not deliver."""
    with lifecycle.using(Procrastinate(AsyncioQueue())):
        yield


def run(statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def jobs() -> list[list[int]]:
    """Which deliveries each job names."""
    found = run("SELECT args FROM procrastinate_jobs WHERE queue_name = %s AND task_name = %s ORDER BY id", QUEUE, TASK)
    return [[key for key, _ in json.loads(arguments)["deliveries"]] for (arguments,) in found]


def emit_as_a_verb(*events: tuple[EventType, dict[str, Any]]) -> None:
    """Emit in one transaction, and hand over at its end."""
    with transaction.atomic(), emissions():
        for event, arguments in events:
            send_event(event, **arguments)


@asynccontextmanager
async def working() -> AsyncIterator[tuple[Worker, Heard]]:
    """A worker, while this thread emits as another process."""
    async with delivering(source=Jobs()) as (worker, heard):
        with lifecycle.using(Procrastinate(AsyncioQueue())):
            yield worker, heard


@pytest.mark.usefixtures("elsewhere")
def test_one_statement_more_defers_one_job_that_names_all(painted: EventType) -> None:
    for name in ("one", "two", "three"):
        on(painted, name=name)(async_append([]))
    with CaptureQueriesContext(connection) as with_jobs:
        emit_as_a_verb(*[(painted, {"wall": wall}) for wall in ("north", "south")])
    with lifecycle.using(Parked()), CaptureQueriesContext(connection) as without:
        emit_as_a_verb(*[(painted, {"wall": wall}) for wall in ("north", "south")])
    assert len(with_jobs) == len(without) + 1
    (named,) = jobs()
    assert len(named) == 6


@pytest.mark.usefixtures("elsewhere")
def test_a_lane_is_named_once_and_a_job_names_a_few_only(built: EventType, painted: EventType) -> None:
    on(built)(async_append([]))
    on(painted, name="painter")(async_append([]))
    emit_as_a_verb(*[(built, {"house": number % 2, "floor": number}) for number in range(10)])
    assert [len(named) for named in jobs()] == [2]
    emit_as_a_verb(*[(painted, {"wall": number}) for number in range(70)])
    assert [len(named) for named in jobs()] == [2, 32, 32, 6]


@pytest.mark.usefixtures("elsewhere")
def test_jobs_that_are_equal_break_no_transaction(painted: EventType) -> None:
    on(painted)(async_append([]))
    with transaction.atomic():
        send_event(painted, wall="north")
        lifecycle.current().enlist([Waiting(1, "async", None, "painter")] * 2)
        lifecycle.current().enlist([Waiting(1, "async", None, "painter")] * 2)
        assert run("SELECT 1") == [(1,)]
    assert jobs()[1:] == [[1, 1], [1, 1]]


@pytest.mark.usefixtures("elsewhere")
def test_without_the_job_there_are_no_rows_either(painted: EventType) -> None:
    on(painted)(async_append([]))
    run("ALTER TABLE procrastinate_jobs RENAME TO procrastinate_away")
    try:
        with pytest.raises(ConnectorException):
            send_event(painted, wall="north")
    finally:
        run("ALTER TABLE procrastinate_away RENAME TO procrastinate_jobs")
    assert run("SELECT count(*) FROM events_delivery") == run("SELECT count(*) FROM events_eventrecord") == [(0,)]


async def test_what_a_person_retries_is_taken_at_once(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 3600
    mended: list[bool] = []

    @on(painted, name="painter", retry=Retry(max_attempts=1), on_exhausted="hold")
    async def receiver(wall: str) -> None:
        if not mended:
            raise ValueError("broken")

    async with working() as (worker, heard):
        await worker.until_nothing_is_due()
        await in_thread(lambda: send_event(painted, wall="north"))
        await heard.until(Kind.HELD)
        mended.append(True)
        await in_thread(lambda: call_command("deliveries", "retry", "--receiver", "painter", stdout=StringIO()))
        await heard.until(Kind.DELIVERED)


async def test_a_job_about_what_is_done_does_nothing_and_is_gone(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 3600
    got: list[str] = []
    on(painted, name="painter")(async_append(got))
    async with working() as (worker, heard):
        await in_thread(lambda: send_event(painted, wall="north"))
        await heard.until(Kind.DELIVERED)
        (key,) = await rows("id")
        await in_thread(lambda: lifecycle.current().enlist([Waiting(key, "async", None, "painter")]))
        await in_thread(lambda: send_event(painted, wall="south"))
        await heard.until(Kind.DELIVERED, 2)
        await worker.until_nothing_is_due()
        assert await in_thread(jobs) == []
    assert got == ["north", "south"]
    assert await rows("claims", "attempt") == [(1, 1), (1, 1)]


async def test_looking_now_and_then_finds_what_lost_its_job(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 0.05
    got: list[str] = []
    on(painted)(async_append(got))

    def send_and_lose() -> None:
        with transaction.atomic():
            send_event(painted, wall="north")
            run("DELETE FROM procrastinate_jobs")

    async with working() as (_, heard):
        await in_thread(send_and_lose)
        await heard.until(Kind.DELIVERED)
    assert got == ["north"]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("state", ["doing", "failed", "cancelled"])
def test_jobs_that_others_have_begun_or_ended_are_swept_away(painted: EventType, state: str) -> None:
    on(painted, name="painter")(async_append([]))
    send_event(painted, wall="north")
    run("UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status", state)
    send_event(painted, wall="south")
    drawn = Jobs().draw(10)
    assert ([name for _, name in drawn.named], drawn.more) == (["painter"], False)
    assert run("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


@pytest.mark.usefixtures("elsewhere")
def test_jobs_are_drawn_in_their_order_and_no_more_than_wanted(painted: EventType) -> None:
    on(painted, name="painter")(async_append([]))
    for wall in range(5):
        send_event(painted, wall=wall)
    run(
        "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'"
        " WHERE id = (SELECT max(id) FROM procrastinate_jobs)"
    )
    source = Jobs()
    keys = [key for named in jobs() for key in named]
    assert ([key for key, _ in source.draw(3).named], source.draw(1).more) == (keys[:3], True)
    assert source.draw(3) == ([], False)
    assert len(jobs()) == 1


async def test_every_session_of_a_worker_may_break_and_it_goes_on(painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 0.1
    got: list[int] = []
    on(painted)(async_append(got))
    async with working() as (_, heard):
        for wall in range(3):
            await in_thread(lambda wall=wall: send_event(painted, wall=wall))
            await heard.until(Kind.DELIVERED, wall + 1)
            await in_thread(
                lambda: run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
    assert got == [0, 1, 2]


async def test_a_failing_draw_is_told_of_and_repeated(
    painted: EventType, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_POLL = 3600
    got: list[str] = []
    on(painted)(async_append(got))
    draw, failures = Jobs.draw, [ValueError("no draw today")]

    def fail_once(self: Jobs, limit: int) -> Any:
        if failures:
            raise failures.pop()
        return draw(self, limit)

    async with working() as (worker, heard):
        await worker.until_nothing_is_due()
        monkeypatch.setattr(Jobs, "draw", fail_once)
        await in_thread(lambda: send_event(painted, wall="north"))
        told = await heard.until(Kind.STUMBLED)
        await heard.until(Kind.DELIVERED)
    assert (told.reason, got) == ("fetching jobs", ["north"])


async def test_a_worker_without_room_leaves_jobs_to_others(alone: None, painted: EventType, settings: Any) -> None:
    settings.EVENT_POLL = 3600
    settings.EVENT_CONCURRENCY, settings.EVENT_THREADS = 2, 1
    release, got = asyncio.Event(), []

    @on(painted)
    async def receiver(wall: int) -> None:
        got.append(wall)
        await release.wait()

    async with working() as (worker, heard):
        for wall in range(20):
            await in_thread(lambda wall=wall: send_event(painted, wall=wall))
        await heard.until(Kind.STARTED, 2)
        # two run, three are kept in mind
        assert len(await in_thread(jobs)) >= 20 - 2 - 3 - 1
        release.set()
        await heard.until(Kind.DELIVERED, 20)
        await worker.until_nothing_is_due()
        assert await in_thread(jobs) == []
    assert sorted(got) == list(range(20))


async def test_what_a_stopping_worker_gives_back_is_taken_by_another_one_at_once(
    built: EventType, settings: Any
) -> None:
    settings.EVENT_POLL = 3600
    got: list[int] = []
    begun, both = asyncio.Event(), asyncio.Event()

    @on(built)
    async def receiver(floor: int, event: Any) -> None:
        got.append(floor)
        begun.set()
        if len(got) == 1:
            await both.wait()

    async with working() as (first, heard):
        await in_thread(lambda: emit_in_transaction(*[(built, {"house": 1, "floor": n}) for n in range(3)]))
        async with asyncio.timeout(20):
            await begun.wait()
        other = AsyncioQueue()
        await other.start(Jobs())
        await first.stop(0)
        await heard.until(Kind.DELIVERED, 3)
        await other.stop()
    assert got == [0, 0, 1, 2]


async def test_a_server_delivers_nothing_but_what_has_no_row(painted: EventType, settings: Any) -> None:
    settings.EVENT_CARRIER = "procrastinate"
    got: list[str] = []
    on(painted, name="durable")(async_append(got))

    @on(painted, name="loose", durable=False)
    async def loose(wall: str) -> None:
        got.append("loose")

    carrier = lifecycle._carriers["procrastinate"]
    with lifecycle.using(carrier):
        await lifecycle.start()
        assert not lifecycle.servers_deliver()
        await in_thread(lambda: send_event(painted, wall="north"))
        await lifecycle.stop()
    assert got == ["loose"]
    assert await rows("receiver", "state") == [("durable", State.WAITING)]
    assert lifecycle.queue.worker is None


async def test_a_worker_process_takes_jobs(painted: EventType, settings: Any) -> None:
    settings.EVENT_CARRIER, settings.EVENT_POLL = "procrastinate", 3600
    got: list[str] = []
    on(painted)(async_append(got))
    with lifecycle.using(Procrastinate(lifecycle.queue)):
        await lifecycle.start_worker()
        worker = lifecycle.queue.worker
        assert worker is not None
        await worker.until_nothing_is_due()
        heard = Heard()
        listeners.append(heard.listen)
        try:
            await in_thread(lambda: send_event(painted, wall="north"))
            await heard.until(Kind.DELIVERED)
        finally:
            listeners.remove(heard.listen)
            await lifecycle.stop()
    assert got == ["north"]


def test_check_names_what_the_carrier_lacks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_carrier() == []
    settings.EVENT_CARRIER = "procrastinate"
    assert check_carrier() == []
    monkeypatch.setattr(procrastinate, "APP", "no.such.app")
    [tables] = check_carrier()
    assert (tables.id, "no.such.app" in str(tables.msg)) == ("events.E006", True)
    monkeypatch.setattr(procrastinate, "procrastinate", None)
    monkeypatch.setattr(connection, "vendor", "sqlite")
    database, package = check_carrier()
    assert "PostgreSQL" in str(database.msg)
    assert "install caluma-async[procrastinate]" in str(package.msg)


def test_without_the_package_emitting_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    procrastinate._deferrer.cache_clear()
    monkeypatch.setattr(procrastinate, "procrastinate", None)
    with pytest.raises(Misconfigured, match=r"caluma-async\[procrastinate\]"):
        Procrastinate(AsyncioQueue()).enlist([Waiting(1, "async", None, "painter")])
