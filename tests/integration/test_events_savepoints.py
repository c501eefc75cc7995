"""A blocking receiver's savepoint: set before its first statement however that is sent, and not at all without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from caluma_async import prepared
from caluma_async.errors import ReceiverFailed
from caluma_async.events import EventType, on, send_event
from caluma_async.events.emit import emissions
from caluma_async.events.savepoint import LazySavepoint

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("isolated_receivers")]


def by_cursor() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (name) VALUES (%s)", ["asked"])


def by_many() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO auth_group (name) VALUES (%s)", [["asked"], ["more"]])


def by_object() -> None:
    Group.objects.create(name="asked")


def by_kept_statement() -> None:
    prepared.run("INSERT INTO auth_group (name) VALUES (%s)", ["asked"])


def by_transaction() -> None:
    with transaction.atomic():
        Group.objects.create(name="asked")


def by_chunks() -> None:
    list(Group.objects.iterator(chunk_size=1))
    Group.objects.create(name="asked")


def by_procedure() -> None:
    with connection.cursor() as cursor:
        cursor.callproc("create_group")


def by_copy() -> None:
    with connection.cursor() as cursor, cursor.copy("COPY auth_group (name) FROM STDIN") as copy:  # type: ignore[attr-defined]
        copy.write_row(["asked"])


WAYS = [by_cursor, by_many, by_object, by_kept_statement, by_transaction, by_chunks]
WAYS_OF_POSTGRESQL = [pytest.param(way, marks=pytest.mark.postgres) for way in (by_procedure, by_copy)]


@pytest.fixture
def procedure() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    body = "INSERT INTO auth_group (name) VALUES ('asked')"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE FUNCTION create_group() RETURNS void LANGUAGE sql AS $$ {body} $$")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION create_group()")


def groups() -> set[str]:
    return set(Group.objects.values_list("name", flat=True))


def words(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split()[0] for query in queries if query["sql"].split()[0] not in {"BEGIN", "COMMIT"}]


@pytest.mark.usefixtures("procedure")
@pytest.mark.parametrize("ask", [*WAYS, *WAYS_OF_POSTGRESQL])
def test_what_a_receiver_did_is_undone_however_it_did_it(post: EventType, ask: Callable[[], None]) -> None:
    @on(post)
    def receiver(**kwargs: Any) -> None:
        ask()
        raise ValueError

    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
        Group.objects.create(name="after")
    assert groups() == {"verb", "after"}


def test_a_receiver_that_asks_for_nothing_costs_nothing(post: EventType) -> None:
    on(post, name="1")(lambda **kwargs: None)
    on(post, name="2")(lambda **kwargs: by_cursor())
    on(post, name="3")(lambda **kwargs: None)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        send_event(post, wall="north")
    assert words(queries) == ["SAVEPOINT", "INSERT", "RELEASE"]


def test_it_is_known_whether_receivers_asked(post: EventType, other: EventType) -> None:
    on(post, name="idle")(lambda **kwargs: None)
    on(other, name="asking")(lambda **kwargs: by_object())
    with transaction.atomic(), emissions() as outer:
        with emissions() as scope:
            send_event(post, wall="north")
            assert (scope.receivers_called, scope.receivers_asked) == (True, False)
            send_event(other, wall="north")
            assert (scope.receivers_called, scope.receivers_asked) == (True, True)
        assert outer.receivers_asked


@pytest.mark.parametrize("innermost_fails", [True, False])
def test_savepoints_within_savepoints_are_set_from_the_outermost_on(
    post: EventType, other: EventType, innermost_fails: bool
) -> None:
    on(post, raise_exception=True)(lambda **kwargs: send_event(other, wall="south"))

    @on(other, raise_exception=False)
    def receiver(**kwargs: Any) -> None:
        by_cursor()
        if innermost_fails:
            raise ValueError

    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        send_event(post, wall="north")
    undone = ["ROLLBACK"] if innermost_fails else []
    assert words(queries) == ["SAVEPOINT", "SAVEPOINT", "INSERT", *undone, "RELEASE", "RELEASE"]
    assert groups() == (set() if innermost_fails else {"asked"})
    assert "_cursor" not in vars(connection._connections[connection._alias])  # type: ignore[attr-defined]


def test_the_outer_receiver_may_ask_first_and_the_inner_one_not_at_all(post: EventType, other: EventType) -> None:
    @on(post)
    def receiver(**kwargs: Any) -> None:
        by_cursor()
        send_event(other, wall="south")

    on(other)(lambda **kwargs: None)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        send_event(post, wall="north")
    assert words(queries) == ["SAVEPOINT", "INSERT", "RELEASE"]


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_what_is_to_follow_the_commit_does_so_only_if_the_receiver_succeeds(
    post: EventType, fails: bool, asks: bool
) -> None:
    followed = []

    @on(post)
    def receiver(**kwargs: Any) -> None:
        transaction.on_commit(lambda: followed.append("receiver"))
        if asks:
            by_cursor()
        if fails:
            raise ValueError

    with transaction.atomic():
        transaction.on_commit(lambda: followed.append("before"))
        send_event(post, wall="north")
        transaction.on_commit(lambda: followed.append("after"))
    assert followed == (["before", "after"] if fails else ["before", "receiver", "after"])


@pytest.mark.parametrize("asks", [True, False])
def test_a_receiver_may_ask_for_being_undone(post: EventType, asks: bool) -> None:
    @on(post)
    def receiver(**kwargs: Any) -> None:
        if asks:
            by_cursor()
        transaction.set_rollback(True)

    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
        Group.objects.create(name="after")
    assert groups() == {"verb", "after"}


def test_a_transaction_that_is_ended_past_django_ends_the_mutation(post: EventType) -> None:
    on(post, name="committing")(lambda **kwargs: connection.connection.commit())
    with pytest.raises(ReceiverFailed, match="committing ended the transaction itself"), transaction.atomic():
        send_event(post, wall=Group.objects.create(name="verb").name)
    assert groups() == {"verb"}


def test_a_lost_connection_is_left_to_the_outermost_block() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        lose_the_connection()
    assert groups() == set()
    by_cursor()
    assert groups() == {"asked"}


def lose_the_connection() -> None:
    by_object()
    with LazySavepoint():
        connection.close()
        raise ZeroDivisionError


def test_a_transaction_that_was_to_be_undone_before_is_not_saved_by_a_receiver(post: EventType) -> None:
    on(post)(lambda **kwargs: None)
    with transaction.atomic():
        Group.objects.create(name="verb")
        transaction.set_rollback(True)
        with pytest.raises(ReceiverFailed):
            send_event(post, wall="north")
    assert groups() == set()
