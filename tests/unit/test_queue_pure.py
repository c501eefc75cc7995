"""The parts of the queue that know neither a database nor an event loop."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caluma_async.errors import InvalidReceiver
from caluma_async.events import logs, telemetry
from caluma_async.events.lanes import Followers, Room, Shares, lane_of, turned
from caluma_async.events.retry import Discard, Retry, RetryAfter
from caluma_async.events.telemetry import Kind, Told, listeners, tell


def test_pauses_grow_by_the_factor_up_to_the_cap() -> None:
    retry = Retry(base=1, factor=3, cap=20, jitter=False)
    assert [retry.pause(attempt) for attempt in (1, 2, 3, 4, 500)] == [1, 3, 9, 20, 20]


def test_pauses_that_no_number_can_hold_are_the_cap() -> None:
    assert Retry(factor=1e10, cap=20, jitter=False).pause(64) == 20


@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_jitter_spreads_between_half_of_the_pause_and_all_of_it(attempt: int, chance: float) -> None:
    full = Retry(jitter=False).pause(attempt)
    assert full / 2 <= Retry().pause(attempt, lambda: chance) <= full


def test_the_last_attempt_is_the_last() -> None:
    assert [Retry(max_attempts=3).is_exhausted(attempt) for attempt in (1, 2, 3, 4)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("option", "value"),
    [("max_attempts", 0), ("max_attempts", 1.5), ("base", -1), ("factor", 0.5), ("cap", "x"), ("base", True)],
)
def test_retries_that_make_no_sense_are_refused(option: str, value: Any) -> None:
    with pytest.raises(InvalidReceiver, match=option):
        Retry(**{option: value})


def test_what_a_receiver_may_raise_says_what_it_means() -> None:
    assert (RetryAfter(1.5).seconds, str(RetryAfter(1.5))) == (1.5, "Try again after 1.5 seconds.")
    assert (str(Discard()), Discard("why").reason) == ("Discarded by the receiver.", "why")


def test_a_room_gives_no_more_places_than_it_has() -> None:
    room = Room(3, are_shared=False)
    assert [room.take("a") for _ in range(4)] == [True, True, True, False]
    room.give("a", 2)
    assert (room.free, room.taken) == (2, 1)


def test_places_are_taken_in_turn_and_for_many_at_once() -> None:
    room = Room(5)
    assert room.take_each("aab") == [True, True, True]
    assert (room.take_up_to("c", 3), room.take_up_to("c", 3), room.free) == (1, 0, 1)
    alone = Room(5, are_shared=False)
    assert (alone.take_up_to("a", 3), alone.take_up_to("a", 3), alone.take_each("ab")) == (3, 2, [False, False])


def test_a_closed_room_gives_none() -> None:
    room = Room(3)
    room.close()
    assert (room.take("a"), room.may_take("a"), room.free, room.lend().free) == (False, False, 0, 0)
    assert (room.take_each("ab"), room.take_up_to("a", 2)) == ([False, False], 0)


def test_threads_share_a_room() -> None:
    room, taken = Room(100, are_shared=False), []

    def take() -> None:
        taken.extend(room.take("a") for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(taken), room.free) == (100, 0)


def test_what_a_room_lends_is_nobody_else_s_until_it_is_settled() -> None:
    room = Room(10)
    assert [room.take("a") for _ in range(3)] == [True] * 3
    shares = room.lend()
    assert (shares.free, room.free, room.take("b")) == (7, 0, False)
    assert [who for who in "aaaaabbbbb" if shares.take(who)] == ["a", "a", "a", "b", "b"]
    assert shares.may_take("c")
    room.settle(7, {"a": 3, "b": 2})
    assert (room.free, room.taken) == (2, 8)
    assert [room.may_take(who) for who in "abc"] == [False, False, True]
    room.give("a", 6)
    assert room.free == 8


@pytest.mark.parametrize(("free", "lent"), [(0, 0), (1, 1), (2, 1), (7, 4), (256, 128)])
def test_half_of_the_places_stay_for_those_who_reserve_them(free: int, lent: int) -> None:
    room = Room(free + 1)
    assert room.reserve("a")
    assert room.lend().free == lent
    room.settle(lent)
    assert room.lend().free == free  # nobody has reserved any since


@pytest.mark.parametrize(("size", "most"), [(1, 1), (2, 1), (3, 2), (4, 2), (16, 10), (256, 170)])
def test_a_receiver_leaves_others_a_third_of_the_places(size: int, most: int) -> None:
    shares = Shares(size)
    assert sum(shares.take("stuck") for _ in range(2 * size)) == most
    assert shares.take("other") == (size > 1)


def test_a_receiver_that_is_the_only_one_has_all_places() -> None:
    shares = Shares(16, are_shared=False)
    assert sum(shares.take("only") for _ in range(20)) == 16


@given(size=st.integers(1, 300), steps=st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.integers(1, 100))))
def test_the_last_place_is_for_nobody_but_who_holds_none(size: int, steps: list[tuple[str, bool, int]]) -> None:
    shares = Shares(size)
    for who, gives, times in steps:
        for _ in range(times):
            held, free = shares.held[who], shares.free
            if gives and held:
                shares.give(who)
            elif shares.take(who):
                assert shares.free == free - 1
                assert shares.free > 0 or not held
            else:
                assert not free or held
        assert shares.free + shares.held.total() == size


@pytest.mark.parametrize(("size", "stuck"), [(16, 3), (256, 6)])
def test_so_many_receivers_may_be_stuck_before_another_one_is_stopped(size: int, stuck: int) -> None:
    shares = Shares(size)
    for number in range(stuck):
        while shares.take(f"stuck {number}"):
            pass
    assert shares.take("fine")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=30))
def test_followers_leave_their_lane_in_the_order_in_which_they_came(arrivals: list[tuple[str, int]]) -> None:
    followers: Followers[int] = Followers()
    for lane, follower in arrivals:
        followers.add(lane, follower)
    for lane in "abc":
        wanted = [follower for one, follower in arrivals if one == lane]
        left = []
        while (follower := followers.next(lane)) is not None:
            followers.put_back(lane, follower)
            assert followers.next(lane) == follower
            left.append(follower)
        assert left == wanted
    assert followers.drop_all() == []


def test_followers_are_dropped_by_lane() -> None:
    followers: Followers[int] = Followers()
    for number in (1, 2):
        followers.add("a", number)
    followers.add("b", 3)
    assert (followers.drop("a"), followers.drop("a"), followers.drop(None)) == ([1, 2], [], [])
    assert (followers.next(None), followers.drop_all()) == (None, [3])


def test_receivers_take_turns() -> None:
    assert [turned("abc", turn) for turn in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]
    assert turned([], 3) == []


def test_a_lane_is_a_receivers_part_of_the_events_lane() -> None:
    assert lane_of("receiver", "case:1") == "receiver|case:1"
    assert lane_of("receiver", None) is None


def test_a_listener_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Told] = []

    def failing(told: Told) -> None:
        raise ValueError("no")

    listeners[:0] = [failing, heard.append]
    try:
        tell(Told(kind=Kind.RELEASED))
    finally:
        del listeners[:2]
    assert [told.kind for told in heard] == [Kind.RELEASED]
    assert "failed on released" in caplog.text


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_may_be_logged(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="caluma_async.events")
    logs.listen(Told(kind=kind, receiver="r", event="e", delivery=3, attempt=2, error=ValueError("x"), reason="y"))
    for record in caplog.records:
        assert record.getMessage().endswith((".", "y", ": x"))
        assert record.receiver == "r"  # type: ignore[attr-defined]


def test_what_is_dropped_is_told_now_and_then(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    clock = [1000.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(logs, "_counted", {})
    for _ in range(3):
        logs.listen(Told(kind=Kind.DROPPED, receiver="r", event="e"))
    clock[0] += 60
    logs.listen(Told(kind=Kind.DROPPED, receiver="r", event="e"))
    assert [record.getMessage() for record in caplog.records] == [
        "r on e is dropped: the queue is full.",
        "r on e is dropped: the queue is full. So were 2 more before.",
    ]
    assert telemetry.listeners
