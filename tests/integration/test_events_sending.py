"""Sending: by hand, as a signal, outside a transaction, and because of another event."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import Misconfigured, RunawayEvents, SignalHandlingError, SyncVerbOnEventLoop
from caluma_async.events import EventType, asend_event, filter_events, on, send_event
from caluma_async.events.emit import watchers
from caluma_async.events.event import Event
from caluma_async.identity import User
from caluma_async.testing.factories import make_workflow
from caluma_async.workflow.api import astart_case, start_case
from caluma_async.workflow.events import post_create_case
from caluma_async.workflow.models import Case

pytestmark = pytest.mark.usefixtures("isolated_receivers")

ME = User("me", groups=["painters"])


def saved() -> set[str]:
    return set(Group.objects.values_list("name", flat=True))


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


@pytest.mark.django_db
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_chain_of_verbs_is_refused_before_python_s_own_limit(
    caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    make_workflow("endless", start=["first"])
    depth: list[int] = []

    def again(event: Event, user: User, **kwargs: Any) -> None:
        depth.append(len(event.chain))
        start_case("endless", user)

    async def again_later(event: Event, user: User, **kwargs: Any) -> None:
        depth.append(len(event.chain))
        await astart_case("endless", user)

    on(post_create_case, blocking=True, name="again")(again_later if asynchronous else again)
    start_case("endless", ME)
    assert max(depth) == 25
    assert Case.objects.count() == 25
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RunawayEvents)
