"""Blocking receivers: in the transaction, each in its savepoint, in order, with the objects of the emitter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import Misconfigured, ReceiverFailed, RunawayEvents, SignalHandlingError, SyncVerbOnEventLoop
from caluma_async.events import EventType, asend_event, filter_events, on, send_event
from caluma_async.events.emit import emissions, emit, watchers
from caluma_async.events.event import Event
from caluma_async.events.receivers import registry
from caluma_async.identity import ANONYMOUS, User

ME = User("me", groups=["painters"])


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def post() -> EventType:
    return EventType("post_paint", arguments=("wall",))


@pytest.fixture
def other() -> EventType:
    return EventType("post_dry", arguments=("wall",))


def saved() -> set[str]:
    return set(Group.objects.values_list("name", flat=True))


def broken_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")


def fail_in_the_database() -> None:
    Group.objects.create(name="twice")
    Group.objects.create(name="twice")


# order and objects


@pytest.mark.django_db
def test_receivers_run_in_the_order_of_registration_whatever_they_are(post: EventType) -> None:
    ran = []

    @on(post)
    def first(**kwargs: Any) -> None:
        ran.append("def")

    @on(post, blocking=True)
    async def second(**kwargs: Any) -> None:
        await asyncio.sleep(0)
        ran.append("async def")

    def third(**kwargs: Any) -> None:
        ran.append("connected")

    post.connect(third)

    @on(post)
    def fourth(**kwargs: Any) -> None:
        ran.append("def again")

    send_event(post, wall="north")
    assert ran == ["def", "async def", "connected", "def again"]


@pytest.mark.django_db
def test_nested_events_run_depth_first(post: EventType, other: EventType) -> None:
    ran = []

    @on(post)
    def first(**kwargs: Any) -> None:
        ran.append("post: begin")
        send_event(other, wall="north")
        ran.append("post: end")

    @on(post)
    def second(**kwargs: Any) -> None:
        ran.append("post: second")

    @on(other)
    def nested(**kwargs: Any) -> None:
        ran.append("nested")

    send_event(post, wall="north")
    assert ran == ["post: begin", "nested", "post: end", "post: second"]


@pytest.mark.django_db
def test_all_get_the_emitter_s_own_objects_and_changes_are_seen() -> None:
    event = EventType("pre_create_wall", arguments=("wall", "validated_data"))
    seen = []

    @on(event)
    def change(validated_data: dict[str, Any], wall: Any, **kwargs: Any) -> None:
        validated_data["colour"] = "red"

    @on(event)
    async def look(sender: Any, user: Any, context: Any, **kwargs: Any) -> None:
        seen.append((sender, user, context, kwargs["wall"], dict(kwargs["validated_data"])))

    data, context = {"colour": "white"}, {"of": "the request"}
    send_event(event, "painter", user=ME, context=context, wall=None, validated_data=data)
    assert data == {"colour": "red"}
    assert seen == [("painter", ME, context, None, {"colour": "red"})]
    assert seen[0][1] is ME
    assert seen[0][2] is context


@pytest.mark.django_db
def test_sender_user_and_context_are_always_given(post: EventType) -> None:
    seen: dict[str, Any] = {}
    on(post)(lambda **kwargs: seen.update(kwargs))
    send_event(post, wall="north")
    assert (seen["sender"], seen["user"], seen["context"]) == (None, ANONYMOUS, None)
    assert seen["event"].name == "post_paint"


@pytest.mark.django_db
def test_a_receiver_without_open_arguments_gets_only_what_it_names(post: EventType) -> None:
    seen = []
    on(post)(lambda wall: seen.append(wall))
    send_event(post, wall="north")
    assert seen == ["north"]


@pytest.mark.django_db
def test_only_receivers_of_the_sender_run(post: EventType) -> None:
    ran = []
    on(post, sender=User, name="its")(lambda **kwargs: ran.append("its"))
    on(post, sender=Group, name="another's")(lambda **kwargs: ran.append("another's"))
    on(post, name="any")(lambda **kwargs: ran.append("any"))
    send_event(post, User, wall="north")
    assert ran == ["its", "any"]


@pytest.mark.django_db
def test_a_return_value_means_nothing(post: EventType) -> None:
    ran = []
    on(post, name="first")(lambda **kwargs: ValueError("returned"))
    on(post, name="second")(lambda **kwargs: ran.append("second"))
    send_event(post, wall="north")
    assert ran == ["second"]


@pytest.mark.django_db
def test_in_blocking_mode_every_receiver_blocks(post: EventType, settings: Any) -> None:
    settings.EVENT_DISPATCH = "blocking"
    ran = []

    @on(post)
    async def painted(event: Event, **kwargs: Any) -> None:
        ran.append(event.attempt)

    with transaction.atomic():
        send_event(post, wall="north")
        assert ran == [1]


# filters


@pytest.mark.django_db
def test_a_filtered_receiver_costs_no_statement(post: EventType, settings: Any) -> None:
    @on(post)
    @filter_events(lambda wall: wall == "south")
    def painted(**kwargs: Any) -> None: ...

    with CaptureQueriesContext(connection) as queries, emissions() as scope:
        emit(post, sender=None, user=ME, wall="north")
    assert len(queries) == 0
    assert not scope.receivers_called


@pytest.mark.django_db
def test_a_filter_sees_what_earlier_receivers_changed(post: EventType) -> None:
    ran = []

    @on(post)
    def change(wall: dict[str, str], **kwargs: Any) -> None:
        wall["colour"] = "red"

    @on(post)
    @filter_events(lambda wall: wall["colour"] == "red")
    def look(**kwargs: Any) -> None:
        ran.append("look")

    send_event(post, wall={"colour": "white"})
    assert ran == ["look"]


@pytest.mark.django_db
def test_an_error_in_a_filter_is_its_receiver_s_failure(post: EventType, caplog: pytest.LogCaptureFixture) -> None:
    ran = []

    @on(post, name="failing")
    @filter_events(lambda wall: wall["no such key"])
    def painted(**kwargs: Any) -> None:
        ran.append("filtered")

    on(post)(lambda **kwargs: ran.append("next"))
    send_event(post, wall={})
    assert ran == ["next"]
    assert "failing failed on post_paint" in caplog.text
    assert "KeyError: 'no such key'" in caplog.text


@pytest.mark.django_db
def test_an_error_in_a_filter_is_raised_if_the_receiver_says_so(post: EventType) -> None:
    @on(post, raise_exception=True, name="failing")
    @filter_events(lambda wall: wall["no such key"])
    def painted(**kwargs: Any) -> None: ...

    with pytest.raises(SignalHandlingError, match="failing failed: KeyError: 'no such key'"):
        send_event(post, wall={})


@pytest.mark.django_db
def test_a_database_error_in_a_filter_refuses_the_mutation(post: EventType) -> None:
    @on(post, name="failing")
    @filter_events(lambda: broken_sql())
    def painted(**kwargs: Any) -> None: ...

    with pytest.raises(DatabaseError, match="no_such_table") as caught, transaction.atomic():
        send_event(post, wall="north")
    assert caught.value.__notes__ == ["in a filter of failing, on post_paint"]


@pytest.mark.django_db
@pytest.mark.postgres
def test_so_does_one_that_the_filter_hides(post: EventType) -> None:
    def hiding() -> bool:
        try:
            broken_sql()
        except DatabaseError:
            return False
        return True

    @on(post, name="failing")
    @filter_events(hiding)
    def painted(**kwargs: Any) -> None: ...

    with pytest.raises(DatabaseError, match="failing: a database error in its filter ended the transaction"):
        with transaction.atomic():
            send_event(post, wall="north")


# savepoints


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

    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
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
    try:
        fails()
    except DatabaseError:
        pass


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fails", [pytest.param(broken_sql, marks=pytest.mark.postgres), fail_in_the_database]
)
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


@pytest.mark.django_db
@pytest.mark.postgres
def test_so_with_raise_exception_it_undoes_the_mutation(post: EventType) -> None:
    on(post, raise_exception=True, name="hiding")(lambda **kwargs: swallow(broken_sql))
    with pytest.raises(SignalHandlingError) as caught, transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
    assert isinstance(caught.value.caught_exceptions[0], ReceiverFailed)
    assert saved() == set()


@pytest.mark.django_db
def test_each_receiver_that_runs_costs_a_savepoint(post: EventType) -> None:
    on(post, name="1")(lambda **kwargs: None)
    on(post, name="2")(lambda **kwargs: None)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        send_event(post, wall="north")
    assert [query["sql"].split()[0] for query in queries.captured_queries] == ["SAVEPOINT", "RELEASE"] * 2


@pytest.mark.django_db
def test_an_event_without_receivers_costs_no_statement(post: EventType) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert emit(post, sender=None, user=ME, wall="north") is False
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
        raise KeyError("brush")

    @on(post, name="third")
    def third(**kwargs: Any) -> None:
        Group.objects.create(name="third")
        ran.append("third")

    with pytest.raises(SignalHandlingError) as caught, transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
    assert ran == ["third"]
    assert saved() == set()
    error = caught.value
    assert [type(one) for one in error.caught_exceptions] == [ValueError, KeyError]
    assert error.message == "post_paint: first failed: ValueError: no paint left; second failed: KeyError: 'brush'"
    assert isinstance(error.__cause__, ExceptionGroup)


@pytest.mark.django_db
def test_a_single_error_is_the_cause(post: EventType) -> None:
    on(post, raise_exception=True)(lambda **kwargs: 1 / 0)
    with pytest.raises(SignalHandlingError) as caught:
        send_event(post, wall="north")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.django_db
def test_the_database_s_words_are_not_for_the_client(post: EventType) -> None:
    on(post, raise_exception=True, name="failing")(lambda **kwargs: fail_in_the_database())
    with pytest.raises(SignalHandlingError) as caught:
        send_event(post, wall="north")
    assert caught.value.message == "post_paint: failing failed: IntegrityError."
    assert isinstance(caught.value.caught_exceptions[0], IntegrityError)


@pytest.mark.django_db
def test_an_error_of_a_nested_verb_undoes_the_outer_one_unless_it_is_caught(
    post: EventType, other: EventType
) -> None:
    on(other, raise_exception=True, name="nested")(lambda **kwargs: 1 / 0)

    @on(post, name="calls")
    def calls(wall: str, **kwargs: Any) -> None:
        send_event(other, wall=wall)

    with pytest.raises(SignalHandlingError) as caught, transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
    assert saved() == set()
    assert [type(error) for error in caught.value.caught_exceptions] == [ZeroDivisionError]
    assert "nested failed" in caught.value.message


@pytest.mark.django_db
def test_a_caller_may_catch_it(post: EventType, other: EventType) -> None:
    on(other, raise_exception=True)(lambda **kwargs: 1 / 0)

    @on(post)
    def calls(wall: str, **kwargs: Any) -> None:
        with pytest.raises(SignalHandlingError), transaction.atomic():
            Group.objects.create(name="nested")
            send_event(other, wall=wall)

    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
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
    with pytest.raises(error), transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
    assert saved() == set()


class Sql(Exception):
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
            raise OperationalError("gone") from Sql(state)
        except OperationalError as error:
            if wrap == "raised":
                raise
            if wrap == "cause":
                raise ValueError("wrapped") from error
            if wrap == "group":
                raise ExceptionGroup("several", [error, KeyError()]) from None
            raise ValueError("while handling it")  # noqa: B904 - meant

    on(post)(lambda **kwargs: ran.append("next"))
    with pytest.raises((OperationalError, ValueError, ExceptionGroup)), transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
    assert ran == []
    assert saved() == set()


@pytest.mark.django_db
def test_another_database_error_does_not(post: EventType) -> None:
    def failing(**kwargs: Any) -> None:
        raise OperationalError("too slow") from Sql("55P03")

    on(post)(failing)
    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
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
    with pytest.raises(DatabaseError), transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
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


@pytest.mark.django_db
def test_a_slow_receiver_is_warned_of_by_name(
    post: EventType, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EVENT_SLOW_RECEIVER = 0
    on(post, name="slow")(lambda **kwargs: None)
    send_event(post, wall="north")
    assert [record.getMessage() for record in caplog.records] == ["slow held post_paint up for 0.0 seconds."]
    settings.EVENT_SLOW_RECEIVER = 100
    send_event(post, wall="north")
    assert len(caplog.records) == 1


# the chain


@pytest.mark.django_db
def test_an_event_knows_which_one_caused_it(post: EventType, other: EventType) -> None:
    seen: list[Event] = []
    watchers.append(seen.append)
    on(post)(lambda **kwargs: send_event(other, wall="north"))
    try:
        send_event(post, user=ME, wall="north")
        send_event(other, wall="north")
    finally:
        watchers.clear()
    first, caused, apart = seen
    assert (first.causation_id, first.correlation_id) == (None, first.id)
    assert (caused.causation_id, caused.correlation_id) == (first.id, first.id)
    assert caused.chain == ("post_paint", "post_dry")
    assert caused.user is ME
    assert (apart.causation_id, apart.chain) == (None, ("post_dry",))


@pytest.mark.django_db
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_chain_that_never_ends_is_refused_with_the_chain(
    post: EventType, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    depth: list[int] = []

    def again(event: Event, **kwargs: Any) -> None:
        depth.append(len(event.chain))
        send_event(post, wall="north")

    async def again_later(event: Event, **kwargs: Any) -> None:
        depth.append(len(event.chain))
        await asend_event(post, wall="north")

    on(post, blocking=True, name="again")(again_later if asynchronous else again)
    send_event(post, wall="north")
    assert max(depth) == 25
    (record,) = caplog.records
    assert record.exc_info is not None
    error = record.exc_info[1]
    assert isinstance(error, RunawayEvents)
    assert " → ".join(["post_paint"] * 26) in str(error)


# outside a transaction


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_one_is_opened_for_the_receivers(post: EventType) -> None:
    seen = []

    @on(post)
    def first(**kwargs: Any) -> None:
        seen.append(connection.in_atomic_block)
        Group.objects.create(name="first")

    @on(post)
    def failing(**kwargs: Any) -> None:
        Group.objects.create(name="undone")
        raise ValueError

    send_event(post, wall="north")
    assert seen == [True]
    assert saved() == {"first"}
    assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_an_error_undoes_what_the_receivers_did(post: EventType) -> None:
    on(post)(lambda **kwargs: Group.objects.create(name="first"))
    on(post, raise_exception=True, name="failing")(lambda **kwargs: 1 / 0)
    with pytest.raises(SignalHandlingError):
        send_event(post, wall="north")
    assert saved() == set()


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_none_is_opened_if_nobody_wants_the_event(post: EventType) -> None:
    on(post)(filter_events(lambda: False)(lambda **kwargs: None))
    with CaptureQueriesContext(connection) as queries:
        send_event(post, wall="north")
    assert len(queries) == 0


# sending


@pytest.mark.django_db
def test_an_argument_that_is_missing_is_named(post: EventType) -> None:
    with pytest.raises(Misconfigured, match="post_paint: emitted without wall"):
        send_event(post, colour="red")


async def test_sending_synchronously_on_the_event_loop_is_refused(post: EventType) -> None:
    on(post)(lambda **kwargs: None)
    with pytest.raises(SyncVerbOnEventLoop, match="asend_event"):
        send_event(post, wall="north")
    with pytest.raises(SyncVerbOnEventLoop):
        post.send(None, wall="north")


@pytest.mark.django_db
def test_send_gives_what_receivers_returned_or_for_what_they_were_undone(post: EventType) -> None:
    one, failing = (lambda **kwargs: "one"), (lambda **kwargs: 1 / 0)
    post.connect(one)
    post.connect(failing)
    (first, second) = post.send("painter", wall="north", user=ME)
    assert first == (one, "one")
    assert second[0] is failing
    assert isinstance(second[1], ZeroDivisionError)


@pytest.mark.django_db
def test_send_raises_and_send_robust_gives_what_undoes_the_mutation(post: EventType) -> None:
    failing = on(post, raise_exception=True)(lambda **kwargs: 1 / 0)
    with pytest.raises(SignalHandlingError):
        post.send("painter", wall="north")
    ((function, error),) = post.send_robust("painter", wall="north")
    assert function is failing
    assert isinstance(error, ZeroDivisionError)


@pytest.mark.django_db(transaction=True)
async def test_types_can_be_sent_from_a_coroutine_as_signals(post: EventType) -> None:
    on(post, raise_exception=True)(lambda **kwargs: 1 / 0)
    with pytest.raises(SignalHandlingError):
        await post.asend("painter", wall="north")
    assert len(await post.asend_robust("painter", wall="north")) == 1


@pytest.mark.django_db
def test_the_scope_says_whether_blocking_receivers_ran(post: EventType, other: EventType) -> None:
    on(post)(lambda **kwargs: 1 / 0)
    with emissions() as scope:
        assert emit(other, sender=None, user=ME, wall="north") is False
        assert not scope.receivers_called
        with emissions() as inner:
            assert emit(post, sender=None, user=ME, wall="north") is True
        assert inner.receivers_called
        assert scope.receivers_called


@pytest.mark.django_db
def test_a_receiver_that_is_gone_is_not_called(post: EventType) -> None:
    class Painter:
        def paint(self, **kwargs: Any) -> None: ...

    painters = [Painter()]
    on(post, name="first")(lambda **kwargs: painters.clear())
    post.connect(painters[0].paint)
    send_event(post, wall="north")
    assert [one.name for one in post.receivers] == ["first"]
