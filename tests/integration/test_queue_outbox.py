"""The statements of the outbox: what each promises, on the database the tests run on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.events import outbox
from caluma_async.events.clerk import Clerk, Look, Round
from caluma_async.events.lanes import Shares
from caluma_async.events.models import Delivery, EventRecord, State
from caluma_async.events.outbox import Follower, Hand, NewDelivery, Recorded, Result
from caluma_async.keys import uuid7
from tests.integration.outbox_stage import event

pytestmark = pytest.mark.django_db(transaction=True)

US = Hand(owner=11, lease=60)
THEM = Hand(owner=22, lease=60)
KNOWN = ["a", "b"]


def put(*lanes: str | None, receiver: str = "a", start: bool = False, hand: Hand = US) -> list[int]:
    """Record one event with one delivery per lane; their keys."""
    return [one.id for one in put_all(lanes, receiver, start, hand)]


def put_all(lanes: Sequence[str | None], receiver: str, start: bool, hand: Hand) -> list[Recorded]:
    events = [event(lane) for lane in lanes]
    deliveries = [
        NewDelivery(one.id, receiver, None if one.lane is None else f"{receiver}|{one.lane}", start=start)
        for one in events
    ]
    return outbox.record(events, deliveries, owner=hand.owner, lease=hand.lease)


def look(limit: int = 100, hand: Hand = US, receivers: Sequence[str] = KNOWN) -> list[outbox.Claim]:
    """Take what is due."""
    ids = [*outbox.first_in_lanes(receivers, limit).ids, *outbox.unordered(receivers, limit).ids]
    return outbox.take(ids, hand)


def settle(claim: outbox.Claim, state: State = State.DELIVERED, **how: Any) -> bool:
    return bool(outbox.settle([Result(fence=claim.fence, state=state, **how)]))


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def end_leases() -> None:
    Delivery.objects.filter(state=State.RUNNING).update(lease_until=datetime.now(UTC) - timedelta(seconds=1))


def test_an_event_comes_back_as_it_was_recorded() -> None:
    one = event("family", arguments='{"z": 1, "a": "\\u0000"}', context='{"b": [1.0]}', causation_id=uuid7())
    outbox.record([one], [NewDelivery(one.id, "a", "a|family")])
    (claim,) = look()
    assert claim.event == one._replace(emitted_at=claim.event.emitted_at)
    assert abs(claim.event.emitted_at - one.emitted_at) < timedelta(milliseconds=1)
    assert (claim.receiver, claim.lane, claim.attempt, claim.fence.claims, claim.begun) == ("a", "a|family", 1, 1, True)


@pytest.mark.parametrize("number", [1, 3, 50])
def test_recording_takes_at_most_two_statements(number: int) -> None:
    events = [event(f"family {n}") for n in range(number)]
    deliveries = [NewDelivery(one.id, "a", f"a|{one.lane}") for one in events]
    with CaptureQueriesContext(connection) as statements:
        recorded = outbox.record(events, deliveries)
    assert len(statements) <= 2
    assert [one.state for one in recorded] == [State.WAITING] * number
    assert list(Delivery.objects.order_by("id").values_list("event_id", flat=True)) == [one.id for one in events]


def test_one_event_is_stored_once_for_many_receivers() -> None:
    one = event()
    outbox.record([one], [NewDelivery(one.id, name, None) for name in "abcdefg"])
    assert (EventRecord.objects.count(), Delivery.objects.count()) == (1, 7)
    assert [claim.receiver for claim in look(receivers="abcdefg")] == list("abcdefg")


def test_a_delivery_starts_at_once_where_its_lane_is_free() -> None:
    assert [one.state for one in put_all(["x", None], "a", True, US)] == [State.RUNNING, State.RUNNING]
    assert [one.state for one in put_all(["x", "y"], "a", True, US)] == [State.WAITING, State.RUNNING]
    row = Delivery.objects.earliest("id")
    assert (row.attempt, row.claims, row.owner, row.started_at is not None) == (1, 1, US.owner, True)
    assert not look(), "what has started is not claimed, nor what stands behind it"


def test_a_filter_that_failed_is_recorded_as_failed() -> None:
    one = event("x")
    (recorded,) = outbox.record([one], [NewDelivery(one.id, "a", "a|x", state=State.FAILED, error="ValueError: no")])
    assert recorded.state == State.FAILED
    assert Delivery.objects.get().error == "ValueError: no"
    assert Delivery.objects.get().finished_at is not None


def test_a_lane_gives_its_first_delivery_only_and_in_order() -> None:
    first, second = put("x", "x")
    (head,) = [claim for claim in look() if claim.begun]
    assert head.id == first
    assert not look(hand=THEM)
    assert settle(head)
    assert {claim.id for claim in outbox.take(outbox.first_of(["a|x"]), THEM)} == (
        {second} if not followers() else set()
    )


def followers() -> bool:
    return connection.vendor == "postgresql"


@pytest.mark.postgres
def test_followers_come_along_without_having_begun() -> None:
    ids = put(*["x"] * 15)
    claims = look()
    assert [claim.id for claim in claims] == ids[:11]
    assert [claim.begun for claim in claims] == [True] + [False] * 10
    assert [claim.attempt for claim in claims] == [1] + [0] * 10
    assert outbox.begin([claims[1].fence]) == {claims[1].fence}
    assert Delivery.objects.get(pk=ids[1]).attempt == 1
    assert Delivery.objects.get(pk=ids[1]).started_at is not None


@pytest.mark.postgres
@pytest.mark.parametrize("number", [1, 5])
def test_a_follower_begins_in_the_moment_in_which_its_predecessor_is_settled(number: int) -> None:
    for lane in range(number):
        put(*[f"{lane}"] * 2)
    heads, behind = [], []
    for claim in look():
        (heads if claim.begun else behind).append(claim)
    results = [Result(fence=head.fence, state=State.DELIVERED) for head in heads]
    followers = [Follower(one.fence, head.id) for head, one in zip(heads, behind, strict=True)]
    assert outbox.settle(results, followers) == {claim.fence for claim in [*heads, *behind]}
    begun = Delivery.objects.filter(state=State.RUNNING, started_at__isnull=False)
    assert list(begun.values_list("attempt", flat=True)) == [1] * number
    assert outbox.settle([Result(fence=one.fence, state=State.DELIVERED) for one in behind])
    assert set(Delivery.objects.values_list("state", "attempt")) == {("delivered", 1)}


@pytest.mark.postgres
def test_a_follower_does_not_begin_if_the_claim_of_its_predecessor_is_outdated() -> None:
    put("x", "x")
    head, behind = look()
    Delivery.objects.filter(pk=head.id).update(claims=2)
    assert outbox.settle([Result(fence=head.fence, state=State.DELIVERED)], [Follower(behind.fence, head.id)]) == set()
    assert Delivery.objects.get(pk=behind.id).attempt == 0


@pytest.mark.postgres
def test_a_follower_whose_claim_is_outdated_does_not_begin() -> None:
    put("x", "x")
    head, behind = look()
    Delivery.objects.filter(pk=behind.id).update(claims=2)
    settled = outbox.settle([Result(fence=head.fence, state=State.DELIVERED)], [Follower(behind.fence, head.id)])
    assert settled == {head.fence}
    assert Delivery.objects.get(pk=behind.id).started_at is None


@pytest.mark.postgres
def test_followers_end_at_the_first_that_is_not_due() -> None:
    ids = put(*["x"] * 5)
    Delivery.objects.filter(pk=ids[2]).update(available_at=datetime.now(UTC) + timedelta(hours=1))
    assert [claim.id for claim in look()] == ids[:2]


def test_lanes_do_not_wait_for_each_other() -> None:
    put("x", "y")
    put("x", receiver="b")
    assert [claim.lane for claim in look()] == ["a|x", "a|y", "b|x"]


@pytest.mark.parametrize("how", [{"state": State.WAITING, "delay": 3600.0}, {"state": State.HELD}])
def test_a_lane_waits_while_its_first_delivery_is_retried_or_held(how: dict[str, Any]) -> None:
    put("x")
    (head,) = look()
    put("x")
    assert settle(head, **how)
    assert not look()
    assert not outbox.take(outbox.first_of(["a|x"]), US)


@pytest.mark.parametrize("state", [State.DELIVERED, State.FAILED, State.DISCARDED])
def test_a_lane_goes_on_when_its_first_delivery_is_finished(state: State) -> None:
    put("x")
    (head,) = look()
    (second,) = put("x")
    assert settle(head, state, error="because")
    assert [claim.id for claim in look()] == [second]
    assert Delivery.objects.get(pk=head.id).finished_at is not None
    assert Delivery.objects.get(pk=head.id).error == "because"


def test_a_retry_is_due_after_its_delay_and_not_before() -> None:
    put(None)
    (claim,) = look()
    assert settle(claim, State.WAITING, delay=3600.0, error="no")
    assert not look()
    Delivery.objects.update(available_at=datetime.now(UTC) - timedelta(seconds=1))
    (again,) = look()
    assert (again.attempt, again.fence.claims) == (2, 2)


def test_only_the_latest_claim_may_say_how_it_went() -> None:
    put("x")
    (old,) = look()
    end_leases()
    outbox.recover([], [])
    (new,) = look(hand=THEM)
    assert (new.id, new.fence.claims) == (old.id, old.fence.claims + 1)
    assert not settle(old)
    assert not outbox.begin([old.fence])
    assert outbox.extend([old.fence], 60) == set()
    assert outbox.extend([new.fence], 60) == {new.id}
    assert settle(new)
    assert not settle(new), "once only"


def test_of_two_claims_that_are_settled_together_the_latest_one_is_accepted() -> None:
    put("x")
    (old,) = look()
    end_leases()
    outbox.recover([], [])
    (new,) = look(hand=THEM)
    report = Clerk(US).work(Round(results=[Result(fence=one.fence, state=State.DELIVERED) for one in (old, new)]))
    assert report.accepted == {new.fence}


def test_an_attempt_that_did_not_take_place_is_not_counted() -> None:
    put(None)
    (claim,) = look()
    assert settle(claim, State.WAITING, uncounted=True)
    (again,) = look()
    assert (again.attempt, again.fence.claims) == (1, 2)


def test_extending_moves_the_end_of_the_lease() -> None:
    put(None)
    (claim,) = look(hand=Hand(owner=1, lease=1))
    assert outbox.extend([claim.fence], 600) == {claim.id}
    left = Delivery.objects.get().lease_until - datetime.now(UTC)  # type: ignore[operator]
    assert timedelta(seconds=500) < left < timedelta(seconds=601)


def test_deliveries_are_free_when_their_lease_has_ended() -> None:
    put("x", None)
    assert len(look()) == 2
    assert not outbox.recover([], [])
    end_leases()
    assert [(one.state, one.crashes) for one in outbox.recover([], [])] == [(State.WAITING, 1)] * 2
    assert [claim.attempt for claim in look()] == [2, 2]


def test_deliveries_of_a_dead_process_are_free_at_once() -> None:
    put("x")
    put(None)
    (_,) = look(receivers=["a"], limit=1)[:1]
    assert {one.id for one in outbox.recover([US.owner], [])} == set(Delivery.objects.values_list("id", flat=True))


@pytest.mark.parametrize(("holding", "state"), [([], State.FAILED), (["a"], State.HELD)])
def test_a_delivery_over_which_three_processes_died_is_given_up(holding: list[str], state: State) -> None:
    put("x")
    for crashes in (1, 2, 3):
        assert len(look()) == 1
        (recovered,) = outbox.recover([US.owner], holding)
        assert recovered.crashes == crashes
    assert recovered.state == state
    assert "3 processes died" in Delivery.objects.get().error
    assert not look()


@pytest.mark.postgres
def test_a_crash_does_not_count_for_what_was_only_fetched() -> None:
    put("x", "x")
    look()
    head, follower = outbox.recover([US.owner], [])
    assert (head.crashes, follower.crashes) == (1, 0)
    assert [row.attempt for row in Delivery.objects.order_by("id")] == [1, 0]


def test_deliveries_of_receivers_that_are_not_known_wait() -> None:
    put("x", None, receiver="gone")
    put("x", None, receiver="a")
    assert {claim.receiver for claim in look()} == {"a"}
    assert outbox.unknown_receivers(KNOWN) == [("gone", 2)]
    assert outbox.count(KNOWN).unknown == 2


def test_unknown_receivers_do_not_use_up_the_steps_of_a_look() -> None:
    put(*[f"family {n:04}" for n in range(outbox.claiming.STEPS + 10)], receiver="aa")  # type: ignore[attr-defined]
    put("x", receiver="b")
    assert [claim.receiver for claim in look()] == ["b"]


def test_looks_go_round_all_lanes() -> None:
    put(*[f"family {n:04}" for n in range(20)])
    cursor, seen = "", []
    for _ in range(4):
        found = outbox.first_in_lanes(KNOWN, 6, cursor)
        seen += [claim.lane for claim in outbox.take(found.ids, US)]
        cursor = found.cursor
    assert seen == [f"a|family {n:04}" for n in range(20)]
    assert cursor == ""


def test_a_look_goes_on_behind_lanes_that_are_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caluma_async.events.outbox.claiming.STEPS", 5)
    put(*[f"family {n:02}" for n in range(10)])
    Delivery.objects.filter(lane__lt="a|family 08").update(state=State.HELD)
    first = outbox.first_in_lanes(KNOWN, 6)
    assert (list(first.ids), first.cursor) == ([], "a|family 04")
    second = outbox.first_in_lanes(KNOWN, 6, first.cursor)
    assert len(second.ids) == 2
    assert second.cursor == "a|family 09"
    assert outbox.first_in_lanes(KNOWN, 6, second.cursor) == ([], [], "")


def test_the_first_receivers_come_first_without_a_lane() -> None:
    put(None, None, receiver="a")
    put(None, None, receiver="b")
    assert [claim.receiver for claim in outbox.take(outbox.unordered(["b", "a"], 3).ids, US)] == ["a", "b", "b"]


def test_taking_respects_lanes_whatever_was_looked_for() -> None:
    first, second = put("x", "x")
    assert not outbox.take([second], US)
    assert [claim.id for claim in outbox.take([first, second], US) if claim.begun] == [first]
    assert not outbox.take([first], THEM)


def test_retrying_by_hand_waits_for_what_runs_and_says_that_it_is_late() -> None:
    put("x")
    (head,) = look()
    settle(head, State.FAILED, error="no")
    (second,) = put("x")
    assert [claim.id for claim in look()] == [second]
    assert outbox.retry([head.id, second]) == [outbox.Moved(head.id, True)]
    assert not look(), "one of a lane at a time"
    running = outbox.in_hand(US.owner)
    outbox.settle([Result(fence=fence, state=State.DELIVERED) for fence in running])
    (again,) = look()
    assert (again.id, again.attempt) == (head.id, 1)


def test_a_held_delivery_is_retried_in_order() -> None:
    put("x")
    (head,) = look()
    settle(head, State.HELD, error="no")
    put("x")
    assert outbox.retry([head.id]) == [outbox.Moved(head.id, False)]
    assert look()[0].id == head.id


def test_discarding_by_hand_frees_the_lane() -> None:
    put("x")
    (head,) = look()
    settle(head, State.HELD)
    (second,) = put("x")
    assert outbox.discard([head.id], "not needed") == {head.id}
    assert [claim.id for claim in look()] == [second]
    assert outbox.discard([second], "it runs") == set()


def age(days: float, *ids: int) -> None:
    """Make rows as if they had been finished so many days ago."""
    moment = datetime.now(UTC) - timedelta(days=days)
    for row in Delivery.objects.filter(pk__in=ids).select_related("event"):
        old = event(emitted_at=moment, id=type(row.event_id)(int=int(moment.timestamp() * 1000) << 80 | row.pk))
        outbox.record([old], [])
        EventRecord.objects.filter(pk=row.event_id).delete()
        Delivery.objects.create(
            pk=row.pk, event_id=old.id, receiver="a", state=row.state, available_at=moment, finished_at=moment
        )


def test_delivered_rows_are_deleted_when_they_are_old_and_no_others() -> None:
    ids = put(None, None, None, None, None)
    done = [State.DELIVERED, State.DISCARDED, State.FAILED, State.HELD, State.DELIVERED]
    for claim, state in zip(look(), done, strict=True):
        settle(claim, state)
    age(8, *ids[:4])
    assert outbox.prune(7) == 2
    assert states() == [State.FAILED, State.HELD, State.DELIVERED]
    assert EventRecord.objects.count() == 3
    assert outbox.prune(7) == 0


def test_counts() -> None:
    put("x", "y", None, None, None)
    put(None, receiver="gone")
    claims = look(2)
    settle(claims[0], State.HELD)
    settle(claims[1], State.FAILED)
    counts = outbox.count(KNOWN)
    assert (counts.waiting, counts.running, counts.held, counts.failed, counts.unknown) == (2, 2, 1, 1, 1)
    assert 0 <= counts.oldest < 60


@pytest.mark.postgres
def test_a_process_that_does_not_hold_its_lock_is_dead(django_db_blocker: Callable[..., Any]) -> None:
    put("x", hand=US)
    look()
    put("y", hand=THEM)
    look(hand=THEM)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [outbox.upkeep.OWNER_LOCKS, THEM.owner])  # type: ignore[attr-defined]
        try:
            assert outbox.dead_owners() == {US.owner}
        finally:
            cursor.execute("SELECT pg_advisory_unlock_all()")


def test_a_receiver_that_may_have_no_more_hides_nobody_behind_its_lanes() -> None:
    names = ["a", "b", "c"]
    for name in names:
        put(*(f"family {number}" for number in range(20)), receiver=name)
    served = {name: name for name in names}
    clerk = Clerk(US)
    looks = {"thread": Look(receivers=served, limit=16, shares=Shares(16))}
    report = clerk.work(Round(looks=looks))
    held = Counter(claim.receiver for claim in report.found["thread"] if claim.begun)
    assert held == {"a": 10, "b": 4, "c": 1}  # two of three places, two of three of the rest, and so on
    assert report.more == {"thread"}
    found = [*report.found["thread"]]
    while report.more:
        looks = {"thread": Look(receivers=served, limit=16, shares=Shares(16), fresh=False)}
        report = clerk.work(Round(looks=looks))
        found += report.found["thread"]
    assert Counter(claim.receiver for claim in found) == dict.fromkeys(names, 20)
