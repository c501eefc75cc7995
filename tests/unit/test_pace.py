"""How often it is worth looking: as often as ever for short receivers, with their own pace for long ones."""

from __future__ import annotations

import pytest

from caluma_async.events.pace import Pace


def after(*seconds: float) -> Pace:
    pace = Pace()
    for each in seconds * 100:
        pace.note(each)
    return pace


@pytest.mark.parametrize(
    ("pace", "between"),
    [(Pace(), 0.04), (after(0.001), 0.04), (after(0.06), 0.06), (after(60.0), 0.1), (after(60.0, *[0.0] * 500), 0.04)],
)
def test_looks_wait_for_as_long_as_receivers_take_within_bounds(pace: Pace, between: float) -> None:
    assert pace.between == pytest.approx(between, rel=0.01)


@pytest.mark.parametrize(("pace", "enough"), [(Pace(), 8), (after(0.03), 8), (after(0.1), 12), (after(60.0), 12)])
def test_most_places_have_to_be_free_where_receivers_take_long(pace: Pace, enough: int) -> None:
    assert not pace.is_enough(enough - 1, 16)
    assert pace.is_enough(enough, 16)


def test_the_only_place_is_enough() -> None:
    assert after(60.0).is_enough(1, 1)
