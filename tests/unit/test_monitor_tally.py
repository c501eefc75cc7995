"""What the monitor counts by itself: rates, percentiles, bars, and only of the last minutes."""

from __future__ import annotations

import pytest

from caluma_async.events.feed import Changed
from caluma_async.events.telemetry import Kind, Told
from caluma_async.monitor.tally import BAR, BARS, Bar, Tally


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    return Tally(clock)


def told(kind: Kind = Kind.DELIVERED, ran: float = 0.5, receiver: str = "porter") -> Told:
    return Told(kind=kind, receiver=receiver, ran=ran)


def test_bars_tell_what_went_well_and_what_did_not(tally: Tally, clock: Clock) -> None:
    tally.hear(told())
    clock.now += BAR
    for kind in (Kind.DELIVERED, Kind.RETRIED, Kind.FAILED, Kind.HELD, Kind.DISCARDED):
        tally.hear(told(kind))
    bars = tally.bars()
    assert (len(bars), bars[-2:]) == (BARS, [Bar(1, 0), Bar(1, 4)])
    assert sum(map(sum, bars)) == 6


def test_what_is_no_end_of_an_attempt_is_not_counted(tally: Tally) -> None:
    for kind in (Kind.STARTED, Kind.RELEASED, Kind.RECORDED, Kind.EXTENDED):
        tally.hear(told(kind))
    assert sum(map(sum, tally.bars())) == 0
    assert tally.paces() == {}


def test_percentiles_are_those_of_the_receivers_own_runs(tally: Tally, clock: Clock) -> None:
    for number in range(100):
        tally.hear(told(ran=(number + 1) / 100))
    tally.hear(told(receiver="quick", ran=0.001))
    clock.now += 60
    paces = tally.paces()
    assert (paces["porter"].median, paces["porter"].p95, paces["porter"].p99) == (0.51, 0.96, 1.0)
    assert paces["quick"].p99 == 0.001
    assert (paces["porter"].per_minute, paces["quick"].per_minute) == (100, 1)


def test_failed_attempts_are_no_deliveries_but_have_run(tally: Tally, clock: Clock) -> None:
    tally.hear(told(Kind.FAILED, ran=2))
    clock.now += 60
    assert (tally.paces()["porter"].per_minute, tally.paces()["porter"].median) == (0, 2)


def test_what_is_long_past_is_forgotten(tally: Tally, clock: Clock) -> None:
    tally.hear(told())
    clock.now += BAR * (BARS + 1)
    assert tally.paces() == {}
    assert sum(map(sum, tally.bars())) == 0


def test_what_never_ran_has_no_run_time(tally: Tally) -> None:
    tally.hear(told(Kind.DISCARDED, ran=0))
    tally.hear(told(ran=0))
    assert tally.paces()["porter"].median is None


def test_other_processes_are_heard_too(tally: Tally) -> None:
    tally.hear_elsewhere(
        [Changed(1, "porter", "delivered", 0.25), Changed(2, "porter", "started"), Changed(3, "porter")]
    )
    assert tally.paces()["porter"].median == 0.25
    assert tally.bars()[-1] == Bar(1, 0)
    tally.clear()
    assert tally.paces() == {}
