"""Statements sent by libpq itself: they are kept, fail, begin transactions and are watched as those of cursors."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from caluma_async import prepared
from caluma_async.events import EventType, on, send_event
from caluma_async.events.carriers.parked import Parked
from caluma_async.events.emit import emissions
from caluma_async.events.lifecycle import using
from caluma_async.prepared import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

KEY = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
MOMENT = datetime(2026, 11, 23, 11, 9, 13, 123_456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fresh_session() -> Iterator[None]:
    connection.close()
    yield
    connection.close()


@pytest.fixture
def table() -> Iterator[None]:
    run("CREATE TABLE prepared_probe (number integer PRIMARY KEY)", [])
    yield
    run("DROP TABLE prepared_probe", [])


def kept(column: str = "statement") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM pg_prepared_statements")
        return [value for (value,) in cursor.fetchall()]


def elsewhere(text: str) -> Any:
    """The one value that another session gets."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchone()[0]
    finally:
        other.close()


def forget_plans() -> None:
    """Have them be older than they may get."""
    prepared.kept_by(connection.connection)._planned_for = -1.0


def numbers() -> list[int]:
    return [number for (number,) in run("SELECT number FROM prepared_probe ORDER BY number", [])]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("uuid", KEY),
        ("timestamptz", MOMENT),
        ("text", "50 % of 'it' $1 \N{SNOWMAN}"),
        ("text", ""),
        ("text", None),
        ("boolean", False),
        ("integer", -7),
        ("bigint", 2**62),
        ("float8", 0.1),
        ("uuid[]", [KEY, None]),
        ("text[]", []),
        ("bytea", b"\x00'\\"),
    ],
)
def test_values_come_back_as_they_were_given_and_as_from_a_cursor(type_: str, value: Any) -> None:
    text = f"SELECT %s::{type_}, 7 %% 4, '%%s'"
    with connection.cursor() as cursor:
        cursor.execute(text, [value])
        by_cursor = cursor.fetchone()
    ((found, rest, literal),) = run(text, [value])
    assert (found, rest, literal) == (value, 3, "%s")
    assert isinstance(found, type(by_cursor[0]))


def test_statements_that_take_turns_keep_their_types() -> None:
    for number in (7, 2**40, 7):
        assert run("SELECT %s::uuid, %s::bigint", [KEY, number]) == [(KEY, number)]
        assert run("SELECT %s::timestamptz, %s::text[]", [MOMENT, ["a", None]]) == [(MOMENT, ["a", None])]
        assert run("SELECT %s::integer[]", [[]]) == [([],)]


def test_a_session_keeps_no_rows_and_goes_with_its_connection() -> None:
    assert run("SELECT repeat('x', 9)", []) == [("xxxxxxxxx",)]
    assert prepared.kept_by(connection.connection)._translator.pgresult is None
    gone = weakref.ref(connection.connection)
    connection.close()
    gc.collect()
    assert gone() is None


def test_a_text_that_the_database_cannot_hold_is_refused_and_not_cut_short() -> None:
    with pytest.raises(DataError, match="NUL"):
        run("SELECT %s::text", ["a\x00b"])
    assert run("SELECT 1", []) == [(1,)]


@pytest.mark.parametrize("text", ["SELECT %d", "SELECT %(name)s", "SELECT 5 %"])
def test_other_placeholders_are_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="is no placeholder"):
        run(text, [1])


def test_a_statement_is_planned_once_and_outlives_a_rollback() -> None:
    for _ in range(3):
        assert run("SELECT %s::integer + 1", [1]) == [(2,)]
    with transaction.atomic():
        run("SELECT %s::integer + 1", [2])
        transaction.set_rollback(True)
    assert run("SELECT %s::integer + 1", [3]) == [(4,)]
    assert kept() == ["SELECT $1::integer + 1"]


def test_no_more_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MOST", 3)
    for number in (1, 2, 3, 1, 4, 1):
        assert run(f"SELECT {number}", []) == [(number,)]
    assert sorted(kept()) == ["SELECT 1", "SELECT 3", "SELECT 4"]


@pytest.mark.usefixtures("table")
def test_a_statement_is_planned_anew_now_and_then_for_the_table_may_have_grown() -> None:
    def plan() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE '%WHERE number = $1%'")
            cursor.execute(f"EXPLAIN EXECUTE {cursor.fetchone()[0]}(7)")
            return str(cursor.fetchone()[0])

    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan; ANALYZE prepared_probe")
    one = "SELECT number FROM prepared_probe WHERE number = %s::integer"
    run(one, [7])
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO prepared_probe SELECT generate_series(1, 10000)")
    assert run(one, [7]) == [(7,)]
    assert "Seq Scan" in plan()
    forget_plans()
    assert run(one, [7]) == [(7,)]
    assert "Index" in plan()
    with transaction.atomic():
        with connection.cursor() as cursor, pytest.raises(DataError):
            cursor.execute("SELECT 1 / 0")
        forget_plans()
        with pytest.raises(InternalError, match="aborted"):
            run(one, [7])
        transaction.set_rollback(True)


def test_a_session_that_was_made_to_forget_is_told_again() -> None:
    run("SELECT 1", [])
    with connection.cursor() as cursor:
        cursor.execute("DISCARD ALL")
    assert run("SELECT 1", []) == [(1,)]


@pytest.mark.usefixtures("table")
def test_a_column_that_gets_another_type_is_no_error() -> None:
    run("INSERT INTO prepared_probe VALUES (7)", [])
    assert numbers() == [7]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE prepared_probe ALTER number TYPE text")
    assert numbers() == ["7"]


def test_in_a_transaction_such_a_session_costs_that_transaction_alone() -> None:
    run("SELECT 1", [])
    with connection.cursor() as cursor:
        cursor.execute("DISCARD ALL")
    with transaction.atomic():
        run("SELECT 2", [])
        with pytest.raises(ProgrammingError, match="does not exist"):
            run("SELECT 1", [])
    assert run("SELECT 1", []) == [(1,)]


def test_a_new_session_knows_nothing_of_the_former_one() -> None:
    run("SELECT 1", [])
    connection.close()
    assert run("SELECT 1", []) == [(1,)]


@pytest.mark.usefixtures("table")
def test_what_fails_is_an_error_of_djangos_and_leaves_the_connection_usable() -> None:
    run("INSERT INTO prepared_probe VALUES (%s)", [1])
    with pytest.raises(IntegrityError) as caught:
        run("INSERT INTO prepared_probe VALUES (%s)", [1])
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.errors.UniqueViolation)
    assert cause.diag.constraint_name == "prepared_probe_pkey"
    assert numbers() == [1]


@pytest.mark.usefixtures("table")
def test_the_first_statement_begins_the_transaction_that_is_open() -> None:
    with transaction.atomic():
        run("INSERT INTO prepared_probe VALUES (%s)", [1])
        transaction.set_rollback(True)
    with transaction.atomic():
        run("INSERT INTO prepared_probe VALUES (%s)", [2])
    assert numbers() == [2]


@pytest.mark.usefixtures("table")
def test_a_transaction_that_was_spoiled_is_asked_nothing_more() -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            run("SELECT 1", [])


@pytest.mark.usefixtures("table")
def test_the_last_statement_of_a_transaction_commits_it() -> None:
    with transaction.atomic():
        run("INSERT INTO prepared_probe VALUES (%s)", [1])
        assert run("INSERT INTO prepared_probe VALUES (%s) RETURNING number", [2], is_last=True) == [(2,)]
        assert elsewhere("SELECT count(*) FROM prepared_probe") == 2
    assert run("SELECT 1", []) == [(1,)]


@pytest.mark.usefixtures("table")
def test_a_last_statement_that_fails_commits_nothing() -> None:
    with transaction.atomic():
        run("INSERT INTO prepared_probe VALUES (%s)", [1])
        with pytest.raises(IntegrityError, match="prepared_probe_pkey"):
            run("INSERT INTO prepared_probe VALUES (%s)", [1], is_last=True)
        transaction.set_rollback(True)
    assert numbers() == []


@pytest.mark.usefixtures("table")
def test_a_commit_that_fails_with_the_last_statement_is_an_error_of_djangos() -> None:
    run("ALTER TABLE prepared_probe ADD other integer REFERENCES prepared_probe DEFERRABLE INITIALLY DEFERRED", [])
    with pytest.raises(IntegrityError, match="is not present"), transaction.atomic():
        run("INSERT INTO prepared_probe VALUES (%s, %s)", [1, 2], is_last=True)
    assert numbers() == []


@pytest.mark.usefixtures("table")
def test_a_last_statement_commits_nothing_where_others_look_on_or_no_transaction_is_open() -> None:
    run("INSERT INTO prepared_probe VALUES (%s)", [1], is_last=True)
    with CaptureQueriesContext(connection), transaction.atomic():
        run("INSERT INTO prepared_probe VALUES (%s)", [2], is_last=True)
        transaction.set_rollback(True)
    assert numbers() == [1]


@pytest.mark.usefixtures("table")
def test_a_last_statement_may_be_longer_than_what_is_sent_at_once() -> None:
    long = "x" * 20_000_000
    with transaction.atomic():
        assert run("SELECT length(%s::text)", [long], is_last=True) == [(len(long),)]


def test_a_session_that_ends_with_the_last_statement_is_an_operational_error() -> None:
    with pytest.raises(OperationalError), transaction.atomic():
        run("SELECT pg_terminate_backend(pg_backend_pid())", [], is_last=True)
    assert run("SELECT 1", []) == [(1,)]


def test_a_session_that_the_server_ended_is_an_operational_error() -> None:
    ((backend,),) = run("SELECT pg_backend_pid()", [])
    assert elsewhere(f"SELECT pg_terminate_backend({backend}, 5000)")
    with pytest.raises(OperationalError):
        run("SELECT 1", [])
    assert not connection.is_usable()
    connection.close_if_unusable_or_obsolete()
    assert run("SELECT 1", []) == [(1,)]


def test_functions_around_statements_see_them_and_may_refuse_them() -> None:
    seen: list[tuple[str, Any]] = []

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> None:
        seen.append((sql, params))
        assert context["connection"].alias == context["cursor"].db.alias == "default"
        execute(sql, params, many, context)

    def refuse(*_: Any) -> None:
        raise PermissionError

    with connection.execute_wrapper(look):
        assert run("SELECT %s::integer", [4]) == [(4,)]
        with connection.execute_wrapper(refuse), pytest.raises(PermissionError):
            run("SELECT 5", [])
    assert seen == [("SELECT %s::integer", [4]), ("SELECT 5", [])]


def test_logged_queries_hold_them() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert run("SELECT %s::integer", [4]) == [(4,)]
    assert [query["sql"] for query in queries] == ["SELECT 4::integer"]


@pytest.mark.parametrize(
    ("special", "shown"),
    [
        ({"isolation_level": psycopg.IsolationLevel.SERIALIZABLE}, "serializable"),
        ({"prepare_threshold": 1}, "read committed"),
    ],
)
def test_what_a_site_asks_psycopg_for_is_left_to_psycopg(special: dict[str, Any], shown: str) -> None:
    connection.ensure_connection()
    for name, value in special.items():
        setattr(connection.connection, name, value)
    with transaction.atomic():
        for _ in range(3):
            assert run("SHOW transaction_isolation", []) == [(shown,)]
    assert not any(name.startswith("caluma_") for name in kept("name"))


@pytest.mark.usefixtures("isolated_receivers")
def test_what_ends_its_transaction_is_committed_with_the_record_of_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    together, post = [], EventType("post_paint", arguments=("wall",))
    execute_and_commit = prepared._execute_and_commit

    def watched(raw: Any, *rest: Any) -> Any:
        result = execute_and_commit(raw, *rest)
        together.append(elsewhere("SELECT count(*) FROM events_delivery"))
        return result

    async def later(**_: Any) -> None: ...

    on(post)(later)
    monkeypatch.setattr(prepared, "_execute_and_commit", watched)
    with using(Parked()), transaction.atomic(), emissions(is_last=True):
        send_event(post, wall="north")
        assert together == []
    assert together == [1]
