"""Blocking receivers that fail: each is undone alone, or undoes the mutation."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import ReceiverFailed, Refused, SignalHandlingError
from caluma_async.events import EventType, on, send_event
from caluma_async.events.emit import emit
from caluma_async.identity import ANONYMOUS

pytestmark = pytest.mark.usefixtures("isolated_receivers")


def saved() -> set[str]:
    return set(Group.objects.values_list("name", flat=True))


def mutate(event: EventType) -> None:
    """What a verb does: write and emit, in a transaction."""
    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(event, wall="north")


def broken_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")


def fail_in_the_database() -> None:
    Group.objects.create(name="twice")
    Group.objects.create(name="twice")


@pytest.mark.django_db
def test_a_receiver_that_fails_is_undone_and_logged_and_the_mutation_goes_on(
    post: EventType, caplog: pytest.LogCaptureFixture
) -> None:
    @on(post, name="failing")
    def failing(**kwargs: Any) -> None:
        Group.objects.create(name="undone")
        raise ValueError("no paint left")

    @on(post)
    def following(**kwargs: Any) -> None:
        Group.objects.create(name="next")

    mutate(post)
    assert saved() == {"verb", "next"}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("caluma_async.events", logging.ERROR)
    assert "failing failed on post_paint" in record.getMessage()
    assert "ValueError: no paint left" in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("fails", [broken_sql, fail_in_the_database])
def test_a_receiver_whose_sql_fails_is_undone_and_the_mutation_goes_on(post: EventType, fails: Any) -> None:
    on(post)(lambda **kwargs: fails())
    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
        Group.objects.create(name="after")
    assert saved() == {"verb", "after"}


def swallow(fails: Any) -> None:
    Group.objects.create(name="undone")
    with contextlib.suppress(DatabaseError):
        fails()


@pytest.mark.django_db
@pytest.mark.parametrize("fails", [pytest.param(broken_sql, marks=pytest.mark.postgres), fail_in_the_database])
def test_a_receiver_that_swallows_a_database_error_has_failed(
    post: EventType, fails: Any, caplog: pytest.LogCaptureFixture
) -> None:
    on(post, name="hiding")(lambda **kwargs: swallow(fails))
    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
        Group.objects.create(name="after")
    assert saved() == {"verb", "after"}
    assert "hiding hides a database error: what it did is undone." in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statements", [["COMMIT"], ["ROLLBACK"], ["COMMIT", "BEGIN"]])
def test_a_receiver_that_ends_the_transaction_ends_the_mutation(post: EventType, statements: list[str]) -> None:
    @on(post, name="committing")
    def receiver(**kwargs: Any) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    with pytest.raises(ReceiverFailed, match="committing ended the transaction itself"):
        mutate(post)
    assert saved() == ({"verb"} if "COMMIT" in statements else set())
    Group.objects.create(name="later")  # the connection is of use again


@pytest.mark.django_db
@pytest.mark.postgres
def test_so_with_raise_exception_it_undoes_the_mutation(post: EventType) -> None:
    on(post, raise_exception=True, name="hiding")(lambda **kwargs: swallow(broken_sql))
    with pytest.raises(SignalHandlingError) as caught:
        mutate(post)
    assert isinstance(caught.value.caught_exceptions[0], ReceiverFailed)
    assert saved() == set()


@pytest.mark.django_db
def test_an_event_without_receivers_costs_no_statement(post: EventType) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert emit(post, sender=None, user=ANONYMOUS, wall="north") is False
        send_event(post, wall="north")
    assert len(queries) == 0


# raise_exception


@pytest.mark.django_db
def test_with_raise_exception_the_mutation_is_undone_and_the_rest_still_runs(post: EventType) -> None:
    ran = []

    @on(post, raise_exception=True, name="first")
    def first(**kwargs: Any) -> None:
        raise ValueError("no paint left")

    @on(post, raise_exception=True, name="second")
    async def second(**kwargs: Any) -> None:
        raise Refused("No brush left.")

    @on(post, name="third")
    def third(**kwargs: Any) -> None:
        Group.objects.create(name="third")
        ran.append("third")

    with pytest.raises(SignalHandlingError) as caught:
        mutate(post)
    assert ran == ["third"]
    assert saved() == set()
    error = caught.value
    assert [type(one) for one in error.caught_exceptions] == [ValueError, Refused]
    assert error.message == "post_paint: first failed with ValueError; second failed with Refused: No brush left."
    assert isinstance(error.__cause__, ExceptionGroup)


@pytest.mark.django_db
def test_a_single_error_is_the_cause(post: EventType) -> None:
    on(post, raise_exception=True)(lambda **kwargs: 1 / 0)
    with pytest.raises(SignalHandlingError) as caught:
        send_event(post, wall="north")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.django_db
def test_the_words_of_an_error_that_is_not_meant_for_it_do_not_reach_the_client(post: EventType) -> None:
    on(post, raise_exception=True, name="failing")(lambda **kwargs: fail_in_the_database())
    with pytest.raises(SignalHandlingError) as caught:
        send_event(post, wall="north")
    assert caught.value.message == "post_paint: failing failed with IntegrityError."
    assert isinstance(caught.value.caught_exceptions[0], IntegrityError)


@pytest.mark.django_db
def test_an_error_of_a_nested_verb_undoes_the_outer_one_unless_it_is_caught(post: EventType, other: EventType) -> None:
    on(other, raise_exception=True, name="nested")(lambda **kwargs: 1 / 0)

    @on(post, name="calls")
    def calls(wall: str, **kwargs: Any) -> None:
        send_event(other, wall=wall)

    with pytest.raises(SignalHandlingError) as caught:
        mutate(post)
    assert saved() == set()
    assert [type(error) for error in caught.value.caught_exceptions] == [ZeroDivisionError]
    assert "nested failed" in caught.value.message


@pytest.mark.django_db
def test_a_caller_may_catch_it(post: EventType, other: EventType) -> None:
    on(other, raise_exception=True)(lambda **kwargs: 1 / 0)

    @on(post)
    def calls(wall: str, **kwargs: Any) -> None:
        with contextlib.suppress(SignalHandlingError), transaction.atomic():
            Group.objects.create(name="nested")
            send_event(other, wall=wall)

    mutate(post)
    assert saved() == {"verb"}


# what is no failure


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "asynchronous"),
    [
        (KeyboardInterrupt, False),
        (SystemExit, False),
        (asyncio.CancelledError, False),
        (asyncio.CancelledError, True),
        (concurrent.futures.CancelledError, False),
        (concurrent.futures.CancelledError, True),
    ],
)
def test_being_cancelled_is_never_a_receiver_s_failure(
    post: EventType, error: type[BaseException], asynchronous: bool
) -> None:
    async def later(**kwargs: Any) -> None:
        raise error

    def now(**kwargs: Any) -> None:
        raise error

    on(post, blocking=True)(later if asynchronous else now)
    with pytest.raises(error):
        mutate(post)
    assert saved() == set()


class SqlError(Exception):
    """A driver's error with a state."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["40P01", "40001", "08006", "57P01"])
@pytest.mark.parametrize("wrap", ["raised", "cause", "context", "group"])
def test_a_deadlock_a_serialization_failure_or_a_lost_connection_ends_the_mutation(
    post: EventType, state: str, wrap: str
) -> None:
    ran = []

    @on(post)
    def failing(**kwargs: Any) -> None:
        try:
            raise OperationalError("gone") from SqlError(state)
        except OperationalError as error:
            if wrap == "raised":
                raise
            if wrap == "cause":
                raise ValueError("wrapped") from error
            if wrap == "group":
                raise ExceptionGroup("several", [error, KeyError()]) from None
            raise ValueError("while handling it")  # noqa: B904 - meant

    on(post)(lambda **kwargs: ran.append("next"))
    with pytest.raises((OperationalError, ValueError, ExceptionGroup)):
        mutate(post)
    assert ran == []
    assert saved() == set()


@pytest.mark.django_db
def test_another_database_error_does_not(post: EventType) -> None:
    def failing(**kwargs: Any) -> None:
        raise OperationalError("too slow") from SqlError("55P03")

    on(post)(failing)
    mutate(post)
    assert saved() == {"verb"}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_killed_connection_ends_the_mutation(post: EventType) -> None:
    ran = []

    @on(post)
    def killing(**kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    on(post)(lambda **kwargs: ran.append("next"))
    with pytest.raises(DatabaseError):
        mutate(post)
    connection.close()
    assert ran == []
    assert saved() == set()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_unseen_ends_the_mutation(post: EventType) -> None:
    @on(post)
    def losing(**kwargs: Any) -> None:
        connection.connection.close()

    with pytest.raises(ReceiverFailed, match="losing"), transaction.atomic():
        send_event(post, wall="north")
    connection.close()


# what a def may not do


@pytest.mark.django_db
def test_a_def_that_returns_an_awaitable_has_failed(post: EventType, caplog: pytest.LogCaptureFixture) -> None:
    async def later() -> None: ...

    @on(post, name="forgetful")
    def painted(**kwargs: Any) -> Any:
        Group.objects.create(name="undone")
        return later()

    send_event(post, wall="north")
    assert saved() == set()
    assert "forgetful is not an `async def` but returned 'coroutine', which nobody awaits." in caplog.text


@pytest.mark.django_db
def test_so_it_is_with_anything_to_await(post: EventType, caplog: pytest.LogCaptureFixture) -> None:
    on(post, name="forgetful")(lambda **kwargs: concurrent_awaitable())
    send_event(post, wall="north")
    assert "returned 'Later'" in caplog.text


def concurrent_awaitable() -> Any:
    class Later:
        def __await__(self) -> Iterator[None]:
            yield

    return Later()


@pytest.mark.django_db
def test_a_receiver_that_cannot_be_called_has_failed(post: EventType, caplog: pytest.LogCaptureFixture) -> None:
    on(post, name="asking")(lambda colour: None)
    send_event(post, wall="north")
    assert "asking failed on post_paint" in caplog.text
