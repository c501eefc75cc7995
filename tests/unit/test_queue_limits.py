"""Time limits that share timers: each is kept to, what is over is forgotten, and nothing is left behind."""

from __future__ import annotations

import asyncio

from caluma_async.events.limits import Limits


async def test_what_takes_too_long_is_late_and_what_is_over_is_not() -> None:
    late: list[tuple[str, float]] = []
    limits: Limits[str] = Limits(lambda one, seconds: late.append((one, seconds)))
    for one in ("first", "over", "third"):
        limits.watch(one, 0.02)
    limits.watch("patient", 0.2)
    limits.forget("over", 0.02)
    await asyncio.sleep(0.05)
    assert late == [("first", 0.02), ("third", 0.02)]
    limits.forget("first", 0.02)
    limits.forget("patient", 0.2)
    await asyncio.sleep(0.2)
    assert late == [("first", 0.02), ("third", 0.02)]


async def test_each_has_its_whole_time_though_they_share_a_timer() -> None:
    loop = asyncio.get_running_loop()
    began: dict[int, float] = {}
    took: dict[int, float] = {}
    limits: Limits[int] = Limits(lambda one, seconds: took.update({one: loop.time() - began[one]}))
    for one in range(5):
        began[one] = loop.time()
        limits.watch(one, 0.05)
        if one == 0:
            limits.forget(one, 0.05)  # the timer is still its own
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert sorted(took) == [1, 2, 3, 4]
    assert all(0.05 <= seconds < 0.1 for seconds in took.values()), took


async def test_nothing_is_kept_of_limits_that_nobody_has_any_more() -> None:
    limits: Limits[int] = Limits(lambda one, seconds: None)
    for one in range(100):
        limits.watch(one, 0.01 + one / 10_000)
        limits.forget(one, 0.01 + one / 10_000)
    await asyncio.sleep(0.05)
    assert not limits._ends
    limits.watch(1, 0.01)
    assert limits._ends
