"""The outbox against a plain model of it: after every step of any history both say the same.

Nothing waits for a clock: where time is to pass, rows are moved back in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from caluma_async.events import outbox
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.outbox import Fence, Hand, NewDelivery, Result
from caluma_async.events.states import FINISHED, State
from tests.examples import examples
from tests.integration.outbox_model import Model, Row
from tests.integration.outbox_stage import event

pytestmark = pytest.mark.django_db(transaction=True)

KNOWN = ["a", "b"]
HANDS = {owner: Hand(owner=owner, lease=600) for owner in (11, 22)}
MANY = 100

owners = st.sampled_from(sorted(HANDS))
places = st.lists(
    st.tuples(st.sampled_from(["a", "a", "b", "gone"]), st.sampled_from(["x", "x", "y", None])), min_size=1, max_size=4
)
settlements = st.sampled_from(
    [
        (State.DELIVERED, None, False),
        (State.DELIVERED, None, False),
        (State.WAITING, 0.0, False),
        (State.WAITING, 3600.0, False),
        (State.WAITING, None, True),
        (State.FAILED, None, False),
        (State.HELD, None, False),
        (State.DISCARDED, None, False),
    ]
)


def _has(*states: State) -> Callable[[Outbox], bool]:
    """Whether there are deliveries of one of these states."""
    return lambda self: any(row.state in states for row in self.model.rows.values())


class Outbox(RuleBasedStateMachine):
    """What may happen to deliveries, in any order."""

    @initialize(places=places, owner=st.one_of(st.none(), owners))
    def begin(self, places: list[tuple[str, str | None]], owner: int | None) -> None:
        """With empty tables, and a first transaction."""
        Delivery.objects.all().delete()
        EventRecord.objects.all().delete()
        self.model = Model(can_fetch=connection.vendor == "postgresql")
        self.fences: list[Fence] = []
        self._emit(places, owner, commits=True)

    def some(self, data: st.DataObject, *states: State) -> list[int]:
        """Some deliveries, of these states or of any."""
        there = [row.id for row in self.model.rows.values() if not states or row.state in states]
        return data.draw(st.lists(st.sampled_from(there), unique=True, min_size=1, max_size=4)) if there else []

    def claims_of_any_time(self, data: st.DataObject) -> list[Fence]:
        """Claims that hold, and claims that did once."""
        held = [one for owner in HANDS for one in sorted(self.model.in_hand(owner))]
        outdated = sorted({one for one in self.fences if one.id in self.model.rows and not self.model.holds(one)})
        sources = [st.sampled_from(some) for some in (held, outdated) if some]
        return data.draw(st.lists(st.one_of(sources), unique_by=lambda one: one.id, min_size=1, max_size=3))

    @rule(places=places, owner=st.one_of(st.none(), owners), commits=st.sampled_from([True, True, True, False]))
    def emit(self, places: list[tuple[str, str | None]], owner: int | None, commits: bool) -> None:
        """One event per place; a carrier lets the first one of each lane start if there is room."""
        self._emit(places, owner, commits)

    def _emit(self, places: list[tuple[str, str | None]], owner: int | None, commits: bool) -> None:
        events = [event(lane) for _, lane in places]
        lanes = [None if lane is None else f"{receiver}|{lane}" for receiver, lane in places]
        starts = [owner is not None and (lane is None or lane not in lanes[:n]) for n, lane in enumerate(lanes)]
        new = [
            NewDelivery(one.id, receiver, lane, start=start)
            for one, (receiver, _), lane, start in zip(events, places, lanes, starts, strict=True)
        ]
        with transaction.atomic():
            recorded = outbox.record(events, new, owner=owner, lease=600)
            transaction.set_rollback(not commits)
        if not commits:
            return
        for row, one in zip(recorded, new, strict=True):
            blank = Row(id=row.id, event=one.event_id, receiver=one.receiver, lane=one.lane)
            self.model.record(blank, owner if one.start else None)
            assert self.model.rows[row.id].state == row.state
            if row.state == State.RUNNING:
                self.fences.append(self.model.rows[row.id].fence)

    @precondition(_has(State.WAITING))
    @rule(owner=owners, followers=st.integers(0, 3))
    def look(self, owner: int, followers: int) -> None:
        """A process takes everything that is due."""
        found = outbox.first_in_lanes(KNOWN, MANY)
        ids = [*found.ids, *outbox.unordered(KNOWN, MANY).ids]
        assert found.cursor == ""
        assert sorted(found.ids) == self.model.startable(KNOWN, in_lanes=True)
        assert sorted(ids[len(found.ids) :]) == self.model.startable(KNOWN, in_lanes=False)
        self.take(ids, owner, followers)

    @precondition(_has(State.WAITING))
    @rule(data=st.data(), owner=owners, followers=st.integers(0, 3))
    def look_at(self, data: st.DataObject, owner: int, followers: int) -> None:
        """A process takes what it was told of, though it may not be due, or not be there for it."""
        self.take(self.some(data), owner, followers)

    @precondition(_has(State.WAITING))
    @rule(lanes=st.lists(st.sampled_from(["a|x", "a|y", "b|x"]), unique=True), owner=owners)
    def go_on(self, lanes: list[str], owner: int) -> None:
        """A process looks at lanes that have become free."""
        ids = outbox.first_of(lanes)
        assert ids == self.model.first(lanes)
        self.take(ids, owner, 1)

    def take(self, ids: Collection[int], owner: int, followers: int) -> None:
        claims = outbox.take(list(ids), HANDS[owner], followers=followers)
        taken = self.model.take(ids, owner, followers)
        assert [(one.fence, one.attempt, one.begun, one.lane) for one in claims] == [
            (row.fence, row.attempt, row.begun, row.lane) for row in taken
        ]
        assert [one.event.id for one in claims] == [row.event for row in taken]
        self.fences += [one.fence for one in claims]

    @precondition(lambda self: any(one.id in self.model.rows for one in self.fences))
    @rule(data=st.data(), how=settlements)
    def settle(self, data: st.DataObject, how: tuple[State, float | None, bool]) -> None:
        """A process says how attempts went, maybe late, maybe twice: claims that are outdated change nothing."""
        state, delay, uncounted = how
        fences = self.claims_of_any_time(data)
        results = [Result(fence=one, state=state, delay=delay, uncounted=uncounted) for one in fences]
        held = [one for one in fences if self.model.holds(one)]
        next_ones = [pair for one in fences if state in FINISHED for pair in self.model.next_in_hand(one)]
        behind = [
            pair for pair in next_ones if pair.fence not in fences
        ]  # nothing begins in the moment in which it ends
        begin = {pair.fence for pair in behind if pair.predecessor in {one.id for one in held}}
        assert outbox.settle(results, behind) == set(held) | begin
        for one in held:
            row = self.model.rows[one.id]
            self.model.put(row.settled(state, due=row.due if delay is None else not delay, uncounted=uncounted))
        for fence in begin:
            self.model.begin(fence.id)

    @precondition(_has(State.RUNNING))
    @rule(owner=owners)
    def drain(self, owner: int) -> None:
        """A process gives back what it only fetched, as one that stops does."""
        fetched = [self.model.rows[one.id] for one in self.model.in_hand(owner) if not self.model.rows[one.id].begun]
        results = [Result(fence=row.fence, state=State.WAITING, uncounted=True) for row in fetched]
        assert outbox.settle(results) == {row.fence for row in fetched}
        for row in fetched:
            self.model.put(row.settled(State.WAITING, due=row.due, uncounted=True))

    @precondition(lambda self: any(row.state is State.RUNNING and not row.begun for row in self.model.rows.values()))
    @rule()
    def begin_followers(self) -> None:
        """What was fetched begins when it is the first of its lane, and only once."""
        rows = self.model.rows.values()
        turn = [row for row in rows if row.state is State.RUNNING and not row.begun and self.model.is_head(row)]
        assert outbox.begin([row.fence for row in turn]) == {row.fence for row in turn}
        assert outbox.begin([row.fence for row in turn]) == set()
        for row in turn:
            self.model.begin(row.id)

    @precondition(lambda self: any(one.id in self.model.rows for one in self.fences))
    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        """A process extends its leases: of what it still has in hand."""
        fences = self.claims_of_any_time(data)
        held = [one for one in fences if self.model.holds(one)]
        assert outbox.extend(fences, 600) == {one.id for one in held}
        for one in held:
            self.model.put(replace(self.model.rows[one.id], ended=False))

    @precondition(_has(State.RUNNING))
    @rule(data=st.data())
    def let_leases_end(self, data: st.DataObject) -> None:
        """Time passes for what runs."""
        ids = self.some(data, State.RUNNING)
        Delivery.objects.filter(pk__in=ids).update(lease_until=_an_hour_ago())
        for key in ids:
            self.model.put(replace(self.model.rows[key], ended=True))

    @precondition(lambda self: any(not row.due for row in self.model.rows.values()))
    @rule(data=st.data())
    def let_time_pass(self, data: st.DataObject) -> None:
        """Time passes for what waits."""
        ids = self.some(data, State.WAITING)
        Delivery.objects.filter(pk__in=ids).update(available_at=_an_hour_ago())
        for key in ids:
            self.model.put(replace(self.model.rows[key], due=True))

    @precondition(_has(State.RUNNING))
    @rule(dead=st.lists(owners, unique=True), holding=st.sampled_from([[], ["a"]]))
    def recover(self, dead: list[int], holding: list[str]) -> None:
        """Processes die, or their leases ended."""
        recovered = outbox.recover(dead, holding)
        expected = self.model.recover(dead, holding)
        assert [(one.id, one.crashes, one.state) for one in recovered] == [
            (row.id, row.crashes, row.state) for row in expected
        ]

    @precondition(_has(State.FAILED, State.HELD))
    @rule(data=st.data())
    def retry_by_hand(self, data: st.DataObject) -> None:
        """A person lets them be tried again."""
        ids = self.some(data)
        assert [tuple(one) for one in outbox.retry(ids)] == self.model.retry(ids)

    @precondition(_has(State.WAITING, State.FAILED, State.HELD))
    @rule(data=st.data())
    def discard_by_hand(self, data: st.DataObject) -> None:
        """A person gives them up."""
        ids = self.some(data)
        assert outbox.discard(ids, "not needed") == self.model.discard(ids)

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """A receiver is told once more, behind all that waits in its lane."""
        row = data.draw(st.sampled_from(list(self.model.rows.values())))
        lane = None if row.lane is None else row.lane.partition("|")[2]
        with transaction.atomic():
            key = outbox.replay(row.event, row.receiver, event_lane=lane, lane=row.lane)
        self.model.record(Row(id=key, event=row.event, receiver=row.receiver, lane=row.lane), None)

    @precondition(_has(State.DELIVERED, State.DISCARDED))
    @rule()
    def prune(self) -> None:
        """What is done goes when it is old."""
        assert outbox.prune(-1) == self.model.prune()
        assert set(EventRecord.objects.values_list("id", flat=True)) == {row.event for row in self.model.rows.values()}

    @invariant()
    def both_say_the_same(self) -> None:
        fields = ("id", "state", "attempt", "claims", "crashes", "owner", "started_at", "lease_until", "finished_at")
        for key, *facts, begun, lease, finished in Delivery.objects.order_by("id").values_list(*fields):
            row = self.model.rows[key]
            assert facts == [row.state, row.attempt, row.claims, row.crashes, row.owner]
            assert (begun is not None) == row.begun
            assert (lease is not None) == (row.state is State.RUNNING)
            assert (finished is not None) == (row.state not in (State.WAITING, State.RUNNING))
        assert Delivery.objects.count() == len(self.model.rows)

    @invariant()
    def one_attempt_of_a_lane_is_under_way(self) -> None:
        begun = [row.lane for row in self.model.rows.values() if row.begun and row.lane is not None]
        assert len(begun) == len(set(begun))

    @invariant()
    def counts_agree(self) -> None:
        assert replace(outbox.count(KNOWN), oldest=0) == self.model.counts(KNOWN)
        for owner in HANDS:
            assert outbox.in_hand(owner) == self.model.in_hand(owner)
        waiting = {row.id for row in self.model.rows.values() if row.state is State.WAITING}
        assert outbox.still_waiting(list(self.model.rows)) == waiting
        if connection.vendor == "postgresql":  # nobody holds a lock here
            assert outbox.dead_owners() == {row.owner for row in self.model.rows.values() if row.owner}


def _an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def test_any_history_leaves_the_outbox_as_the_model_says() -> None:
    run_state_machine_as_test(Outbox, settings=examples(50, stateful_step_count=40))
