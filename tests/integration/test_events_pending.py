"""What non-blocking receivers are due: kept by the scope, dropped with what is undone, handed over once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import SignalHandlingError
from caluma_async.events import EventType, filter_events, on, scope, send_event
from caluma_async.events.carriers.parked import Parked
from caluma_async.events.emit import caused_by, emissions, emit
from caluma_async.events.event import Event
from caluma_async.events.lifecycle import using
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.outbox import recording
from caluma_async.events.scope import Pending, use_recorder
from caluma_async.identity import User
from caluma_async.verbs import Verb

pytestmark = pytest.mark.usefixtures("isolated_receivers")

ME = User("me")


class Recorder:
    """Takes over, and remembers what and in which state of the transaction."""

    def __init__(self) -> None:
        self.calls: list[Sequence[Pending]] = []
        self.atomic: list[bool] = []
        self.last: list[bool] = []

    def __call__(self, pendings: Sequence[Pending], *, is_last: bool) -> None:
        self.calls.append(pendings)
        self.atomic.append(connection.in_atomic_block)
        self.last.append(is_last)

    @property
    def names(self) -> list[str]:
        return [pending.event.name for call in self.calls for pending in call]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    before, recorder = list(scope._recorders), Recorder()
    use_recorder(recorder)
    yield recorder
    scope._recorders[:] = before


class Paint(Verb[None]):
    """Tells about it, and does nothing."""

    def load(self) -> None:
        """Nothing is there."""

    def write(self) -> None:
        """Nothing is to be done."""
        self.emit(self.data["post"], wall="north")


class Undone(Exception):
    """Raised where a transaction is to be undone."""


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """A transaction, or savepoint, in which something goes wrong at its end."""
    with contextlib.suppress(Undone), transaction.atomic():
        yield
        raise Undone


def event(name: str) -> EventType:
    """An event type that one receiver is not waited for."""
    kind = EventType(name, arguments=("wall",), lane=lambda arguments: f"wall:{arguments['wall']}")

    async def receive(**kwargs: Any) -> None: ...

    on(kind, name=f"receiver of {name}")(receive)
    return kind


@pytest.mark.django_db
def test_it_is_handed_over_once_at_the_end_of_the_outermost_verb(recorder: Recorder) -> None:
    post, other = event("post_paint"), event("post_dry")
    with transaction.atomic(), emissions():
        with transaction.atomic(), emissions():
            send_event(post, wall="north")
        send_event(other, wall="north")
        assert recorder.calls == []
    assert len(recorder.calls) == 1
    assert recorder.names == ["post_paint", "post_dry"]
    assert recorder.atomic == [True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["verb", "send_event"])
def test_it_is_last_in_a_transaction_that_ends_with_it(recorder: Recorder, how: str) -> None:
    post = event("post_paint")
    on(post, raise_exception=True)(lambda **_: None)
    emitted = {"verb": Paint(User("me"), post=post).perform, "send_event": lambda: send_event(post, wall="north")}[how]
    emitted()
    with transaction.atomic():
        emitted()
    transaction.set_autocommit(False)
    try:
        emitted()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert recorder.last == [True, False, False]


@pytest.mark.django_db
def test_nothing_is_handed_over_if_nobody_is_due(recorder: Recorder) -> None:
    with emissions():
        send_event(EventType("post_paint"))
    assert recorder.calls == []


@pytest.mark.django_db(transaction=True)
def test_outside_a_verb_it_is_handed_over_at_once_in_the_transaction_of_its_blocking_receivers(
    recorder: Recorder,
) -> None:
    post, other = event("post_paint"), event("post_dry")
    on(other, name="blocking")(lambda **kwargs: None)
    send_event(post, wall="north")
    send_event(other, wall="north")
    assert recorder.names == ["post_paint", "post_dry"]
    assert recorder.atomic == [False, True]
    assert not connection.in_atomic_block


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_outside_a_verb_it_is_recorded_by_one_statement_that_is_its_own_transaction() -> None:
    post = event("post_paint")
    with CaptureQueriesContext(connection) as queries, using(Parked()):
        send_event(post, wall="north")
    assert len(queries) == 1
    assert Delivery.objects.values_list("state", "event__type").get() == ("waiting", "post_paint")


@pytest.mark.django_db(transaction=True)
def test_outside_a_verb_a_record_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    post = event("post_paint")
    monkeypatch.setattr(recording, "_insert_deliveries", lambda *_: "INSERT INTO nowhere SELECT 1")
    monkeypatch.setattr(recording, "_insert_both", recording._insert_both.__wrapped__)
    with pytest.raises(DatabaseError), using(Parked()):
        send_event(post, wall="north")
    assert not EventRecord.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_record_that_fails_and_is_caught_undoes_the_transaction_and_all_that_waits_for_its_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post, done = event("post_paint"), []
    with transaction.atomic():
        transaction.on_commit(lambda: done.append("told"))
        monkeypatch.setattr(recording, "_insert_both", lambda *_: "INSERT INTO nowhere SELECT 1")
        with pytest.raises(DatabaseError), using(Parked()):
            send_event(post, wall="north")
        assert connection.needs_rollback
    assert done == []


@pytest.mark.django_db
def test_emitting_costs_no_statement(recorder: Recorder) -> None:
    post = event("post_paint")
    with CaptureQueriesContext(connection) as queries, emissions():
        send_event(post, wall="north")
    assert len(queries) == 0


@pytest.mark.django_db
def test_a_verb_that_fails_hands_nothing_over(recorder: Recorder) -> None:
    post = event("post_paint")
    with undone(), emissions():
        send_event(post, wall="north")
        raise Undone
    assert recorder.calls == []


@pytest.mark.django_db
def test_a_nested_verb_that_fails_takes_its_own_along_only(recorder: Recorder) -> None:
    post, other = event("post_paint"), event("post_dry")
    with transaction.atomic(), emissions():
        send_event(post, wall="north")
        with undone(), emissions():
            send_event(other, wall="north")
            raise Undone
    assert recorder.names == ["post_paint"]


@pytest.mark.django_db
def test_a_savepoint_of_the_user_s_own_that_is_undone_takes_along_what_was_emitted_in_it(recorder: Recorder) -> None:
    post, other = event("post_paint"), event("post_dry")
    with transaction.atomic(), emissions():
        send_event(post, wall="north")
        with undone():
            send_event(other, wall="north")
            with transaction.atomic():
                send_event(other, wall="south")
        with transaction.atomic():
            send_event(post, wall="south")
    assert [pending.event.lane for call in recorder.calls for pending in call] == ["wall:north", "wall:south"]
    assert recorder.names == ["post_paint", "post_paint"]


@pytest.mark.django_db
def test_nothing_of_it_is_left_among_the_commit_s_functions(recorder: Recorder) -> None:
    post = event("post_paint")
    with transaction.atomic():
        before = len(connection.run_on_commit)
        with emissions():
            send_event(post, wall="north")
            transaction.on_commit(lambda: None)
        assert len(connection.run_on_commit) == before + 1


@pytest.mark.django_db
def test_a_blocking_receiver_that_fails_takes_its_emissions_along(recorder: Recorder) -> None:
    post, other = event("post_paint"), event("post_dry")

    @on(post, name="failing")
    def failing(**kwargs: Any) -> None:
        send_event(other, wall="north")
        raise ValueError

    @on(post, name="working")
    def working(**kwargs: Any) -> None:
        send_event(other, wall="south")

    with transaction.atomic(), emissions():
        send_event(post, wall="north")
    assert [pending.event.lane for call in recorder.calls for pending in call] == ["wall:north", "wall:south"]
    assert recorder.names == ["post_paint", "post_dry"]


@pytest.mark.django_db
def test_an_error_that_undoes_the_mutation_undoes_the_deliveries(recorder: Recorder) -> None:
    post = event("post_paint")
    on(post, raise_exception=True, name="failing")(lambda **kwargs: 1 / 0)
    with pytest.raises(SignalHandlingError), transaction.atomic(), emissions():
        send_event(post, wall="north")
    assert recorder.calls == []


@pytest.mark.django_db
def test_it_is_handed_over_in_the_order_of_emission(recorder: Recorder) -> None:
    post, other = event("post_paint"), event("post_dry")
    on(post, name="emits")(lambda **kwargs: send_event(other, wall="north"))
    with transaction.atomic(), emissions():
        send_event(post, wall="north")
    assert recorder.names == ["post_paint", "post_dry"]
    first, second = recorder.calls[0]
    assert second.event.causation_id == first.event.id


@pytest.mark.django_db
def test_the_context_is_a_copy(recorder: Recorder) -> None:
    post = event("post_paint")
    context = {"colours": ["red"]}
    with emissions():
        emit(post, sender="painter", user=ME, context=context, wall="north")
        context["colours"].append("blue")
    kept = recorder.calls[0][0].event
    assert kept.context == {"colours": ["red"]}
    assert (kept.sender, kept.user, kept.arguments) == ("painter", ME, {"wall": "north"})
    assert kept.lane == "wall:north"


@pytest.mark.django_db
def test_only_receivers_that_want_the_event_are_due(recorder: Recorder) -> None:
    post = EventType("post_paint", arguments=("wall",))
    walls = [{"colour": "red"}]

    @on(post, name="red only")
    @filter_events(lambda wall: wall["colour"] == "red")
    async def red(**kwargs: Any) -> None: ...

    @on(post, name="blue only")
    @filter_events(lambda wall: wall["colour"] == "blue")
    async def blue(**kwargs: Any) -> None: ...

    with emissions():
        send_event(post, wall=walls[0])
        walls[0]["colour"] = "blue"  # the filters have been asked already
    assert [[due.receiver.name for due in pending.deliveries] for pending in recorder.calls[0]] == [["red only"]]


@pytest.mark.django_db
def test_an_event_that_all_filters_refuse_is_not_handed_over(recorder: Recorder) -> None:
    post = EventType("post_paint", arguments=("wall",))

    @on(post)
    @filter_events(lambda: False)
    async def never(**kwargs: Any) -> None: ...

    with emissions():
        send_event(post, wall="north")
    assert recorder.calls == []


@pytest.mark.django_db
def test_an_error_in_a_filter_is_handed_over_as_a_failed_delivery(recorder: Recorder) -> None:
    post = EventType("post_paint", arguments=("wall",))

    @on(post, name="failing")
    @filter_events(lambda wall: wall["no such key"])
    async def never(**kwargs: Any) -> None: ...

    with emissions():
        send_event(post, wall={})
    ((due,),) = [pending.deliveries for pending in recorder.calls[0]]
    assert due.receiver.name == "failing"
    assert isinstance(due.error, KeyError)


@pytest.mark.django_db
def test_what_a_delivery_emits_is_caused_by_its_event(recorder: Recorder) -> None:
    post, other = event("post_paint"), event("post_dry")
    delivered = Event.of(post, sender=None, user=ME)
    with caused_by(delivered):
        send_event(other, wall="north")
    emitted = recorder.calls[0][0].event
    assert (emitted.causation_id, emitted.chain, emitted.user) == (delivered.id, ("post_paint", "post_dry"), ME)


@pytest.mark.django_db
def test_a_scope_that_is_over_takes_nothing_any_more(recorder: Recorder) -> None:
    post = event("post_paint")
    over = emissions()
    with over:
        pass
    token = scope._scope.set(over)
    send_event(post, wall="north")
    scope._scope.reset(token)
    assert recorder.names == ["post_paint"]


@pytest.mark.django_db
def test_who_emits_is_taken_from_the_verb_unless_said(recorder: Recorder) -> None:
    post = event("post_paint")
    with emissions(user=ME), emissions():
        send_event(post, wall="north")
        send_event(post, wall="north", user=User("another"))
    assert [pending.event.user.username for pending in recorder.calls[0]] == ["me", "another"]
    assert asyncio.iscoroutinefunction(post.receivers[0].function)
