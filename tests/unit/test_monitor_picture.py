"""The pictures of the monitor: nothing lies over anything else, and what is there can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from uuid import UUID

import pytest

from caluma_async.events.outbox.figures import Chain, Emitted, Recipient
from caluma_async.monitor.picture import BAR_WIDTH, BOX_WIDTH, CHART_HEIGHT, Box, columns, of_chain
from caluma_async.monitor.tally import Bar
from caluma_async.monitor.templatetags import monitor as words


def event(number: int, cause: int | None = None) -> Emitted:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    causation = None if cause is None else UUID(int=cause)
    return Emitted(UUID(int=number), f"post_{number}", None, moment, causation, UUID(int=1), "null")


def recipient(number: int, of: int) -> Recipient:
    return Recipient(number, UUID(int=of), f"receivers.{number}", "delivered", 1, "")


def chain(causes: Sequence[int | None], recipients: Sequence[int] = ()) -> Chain:
    events = [event(number, cause) for number, cause in enumerate(causes, 1)]
    return Chain(events, [recipient(number, of) for number, of in enumerate(recipients)], False)


def overlap(one: Box, other: Box) -> bool:
    beside = one.x + BOX_WIDTH <= other.x or other.x + BOX_WIDTH <= one.x
    return not (beside or one.y + one.height <= other.y or other.y + other.height <= one.y)


@pytest.mark.parametrize(
    "causes",
    [
        [None],
        [None, 1],
        [None, 1, 1, 1],
        [None, 1, 2, 1, 4, 2],
        [None, 1, 1, 2, 2, 3, 3, 6, 1],
        [None, 99, 2],  # its cause was deleted
    ],
)
def test_no_box_lies_over_another_one(causes: Sequence[int | None]) -> None:
    shown = of_chain(chain(causes, [1, 1, 1, 2, 2, 3]), UUID(int=1))
    assert len(shown.boxes) == len(causes)
    assert [pair for pair in combinations(shown.boxes, 2) if overlap(*pair)] == []
    assert all(box.x + BOX_WIDTH <= shown.width and box.y + box.height <= shown.height for box in shown.boxes)


def test_what_was_caused_stands_to_the_right_with_an_arrow_to_it() -> None:
    shown = of_chain(chain([None, 1, 1], [1, 2]), UUID(int=2))
    first, second, third = shown.boxes
    assert first.x < second.x == third.x
    assert first.y == second.y < third.y
    assert len(shown.arrows) == 2
    assert [box.chosen for box in shown.boxes] == [False, True, False]
    assert [line.name for line in first.lines] == ["receivers.0"]
    assert first.lines[0].y < first.y + first.height


def test_long_names_keep_their_end() -> None:
    one = event(1)._replace(type="post_" + "x" * 60 + "_end")
    name = of_chain(Chain([one], [], False), UUID(int=1)).boxes[0].name
    assert name.startswith("…")
    assert name.endswith("_end")
    assert len(name) == 34


def test_bars_fit_the_chart_and_few_are_seen_beside_many() -> None:
    first, second, third = columns([Bar(1000, 1), Bar(0, 0), Bar(0, 500)])
    assert first.top_badly >= 0
    assert first.badly == 2
    assert first.top + first.well == CHART_HEIGHT
    assert (second.well, second.badly, second.x) == (0, 0, BAR_WIDTH)
    assert third.badly == pytest.approx(CHART_HEIGHT / 2, abs=3)
    assert columns([Bar(0, 0)])[0].well == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.0012, "1.2 ms"),
        (0.25, "250 ms"),
        (1.26, "1.3 s"),
        (59, "59 s"),
        (90, "1.5 min"),
        (7200, "2.0 h"),
        (100 * 86_400, "100 d"),
    ],
)
def test_durations_are_short(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


def test_words() -> None:
    assert (words.rate(0), words.rate(2.25), words.rate(1271.4)) == ("0", "2.2", "1271")
    assert words.end_of("x" * 5000) == "…" + "x" * 4000
    assert words.end_of("short") == "short"
    assert words.short("receivers.mail.send") == "mail.send"
    assert words.username("null") == ""
    assert words.breakable("a.<b>") == "a.<wbr>&lt;b&gt;"
