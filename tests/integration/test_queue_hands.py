"""What people decide while processes take and settle: one of a lane at a time, and nobody waits in a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connection, connections, transaction

from caluma_async.events import outbox
from caluma_async.events.models import Delivery
from caluma_async.events.outbox import Result, claiming
from caluma_async.events.outbox.dialect import PostgreSQL, Statement, tune
from caluma_async.events.states import State
from tests.integration.test_queue_outbox import THEM, US, look, put, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

GATE = "4242, 1"
"""The advisory lock before which a statement waits, between choosing rows and locking them."""


class Gated(PostgreSQL):
    """Whoever asks for the time waits at the gate; the statement sees what was there when it began."""

    now = f"(SELECT clock_timestamp() FROM (SELECT pg_advisory_xact_lock_shared({GATE})) AS gate)"


@contextmanager
def beside(do: Callable[[], object]) -> Iterator[None]:
    """Have something done on another connection, which waits for a lock as the block begins; it is through after it."""

    def work() -> None:
        try:
            do()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while not _somebody_waits():
        assert thread.is_alive(), "it waits for nobody"
    yield
    thread.join(30)
    assert not thread.is_alive(), "it never came to its end"


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


def as_engine(do: Callable[[], object]) -> Callable[[], object]:
    """The same on a connection such as processes have."""
    return lambda: (tune(), do())


@contextmanager
def held(key: int) -> Iterator[None]:
    """Lock a row for the length of the block."""
    with transaction.atomic():
        Delivery.objects.select_for_update().get(pk=key)
        yield


def _do(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _is_locked(key: int) -> bool:
    return not Delivery.objects.select_for_update(skip_locked=True).filter(pk=key).exists()


def test_a_retry_by_hand_comes_before_what_somebody_has_chosen_and_not_yet_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, third = put("x", "x", "x")
    (head,) = outbox.take([first], US, followers=0)
    settle(head, State.FAILED, error="no")
    theirs: list[list[int]] = []
    took, over = threading.Event(), threading.Event()

    def choose_and_take_later() -> None:
        with transaction.atomic():
            theirs.append([claim.id for claim in outbox.take([second], THEM)])
            took.set()
            assert over.wait(30)

    _do(f"SELECT pg_advisory_lock({GATE})")
    with monkeypatch.context() as patched:
        patched.setattr(claiming, "_take", Statement(lambda _: claiming._take_locking_text(Gated())))
        with beside(choose_and_take_later):
            try:
                patched.undo()
                assert outbox.retry([first]) == [outbox.Moved(first, False)]
                _do(f"SELECT pg_advisory_unlock({GATE})")
                assert took.wait(30)
                ours = [claim.id for claim in outbox.take([first, second, third], US, followers=0)]
            finally:
                over.set()
    assert (theirs, ours) == ([[]], [first])
    assert list(Delivery.objects.filter(state=State.RUNNING).values_list("pk", flat=True)) == [first]


def test_a_retry_by_hand_waits_for_whoever_is_taking_in_its_lane() -> None:
    first, second = put("x", "x")
    (head,) = outbox.take([first], US, followers=0)
    settle(head, State.FAILED, error="no")
    moved: list[outbox.Moved] = []
    with ExitStack() as after, transaction.atomic():
        assert [claim.id for claim in outbox.take([second], THEM)] == [second]
        after.enter_context(beside(lambda: moved.extend(outbox.retry([first]))))
    assert moved == [outbox.Moved(first, True)]
    assert look() == [], "one of a lane at a time"


@pytest.mark.parametrize("number", [2, 5])
def test_settling_locks_by_key_whatever_the_order_of_the_results(number: int) -> None:
    low, *_, high = put(*[None] * number)
    results = [Result(fence=claim.fence, state=State.DELIVERED) for claim in reversed(look())]
    with ExitStack() as after, held(low):
        after.enter_context(beside(as_engine(lambda: outbox.settle(results))))
        assert not _is_locked(high)
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_beginning_locks_by_key_whatever_the_order_of_the_followers() -> None:
    low, high = put(None, None)
    fences = [claim.fence for claim in reversed(look())]
    Delivery.objects.update(started_at=None)
    with ExitStack() as after, held(low):
        after.enter_context(beside(as_engine(lambda: outbox.begin(fences))))
        assert not _is_locked(high)
    assert not Delivery.objects.filter(started_at=None).exists()


@pytest.mark.parametrize("decide", [outbox.retry, lambda ids: outbox.discard(ids, "no")], ids=["retry", "discard"])
def test_what_people_decide_waits_for_whoever_takes_the_lane_and_holds_nothing_of_it(
    decide: Callable[[list[int]], object],
) -> None:
    first, second, third = put("x", "x", "x")
    Delivery.objects.filter(pk=third).update(state=State.HELD)
    with ExitStack() as after, held(first):
        after.enter_context(beside(lambda: decide([third])))
        assert not _is_locked(second)
        assert not _is_locked(third)
    assert Delivery.objects.get(pk=third).state != State.HELD


def test_what_has_no_lane_is_discarded_by_key_too() -> None:
    low, high = put(None, None)
    Delivery.objects.filter(pk=low).update(error="written anew, so that it lies behind the other one")
    with ExitStack() as after, held(low):
        after.enter_context(beside(lambda: outbox.discard([high, low], "no")))
        assert not _is_locked(high)
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.DISCARDED}
