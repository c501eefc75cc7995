"""Blocking receivers: in order, with the objects of the emitter, and only where their filters hold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import SignalHandlingError
from caluma_async.events import EventType, filter_events, on, send_event
from caluma_async.events.emit import emissions, emit
from caluma_async.events.event import Event
from caluma_async.identity import ANONYMOUS, User

pytestmark = pytest.mark.usefixtures("isolated_receivers")

ME = User("me", groups=["painters"])


def broken_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")


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
    on(post)(lambda wall: seen.append(f"the {wall}"))
    send_event(post, wall="north")
    assert seen == ["the north"]


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


@pytest.mark.django_db
def test_a_slow_receiver_is_warned_of_by_name(post: EventType, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.EVENT_SLOW_RECEIVER = 0
    on(post, name="slow")(lambda **kwargs: None)
    send_event(post, wall="north")
    assert [record.getMessage() for record in caplog.records] == ["slow held post_paint up for 0.0 seconds."]
    settings.EVENT_SLOW_RECEIVER = 100
    send_event(post, wall="north")
    assert len(caplog.records) == 1


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

    with pytest.raises(SignalHandlingError, match="failing failed with KeyError"):
        send_event(post, wall={})


@pytest.mark.django_db
def test_a_database_error_in_a_filter_refuses_the_mutation(post: EventType) -> None:
    @on(post, name="failing")
    @filter_events(broken_sql)
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

    hidden = "failing: a database error in its filter ended the transaction"
    with pytest.raises(DatabaseError, match=hidden), transaction.atomic():
        send_event(post, wall="north")
