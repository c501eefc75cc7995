"""Where things stand in the pictures of the page: the bars of the chart, the boxes and arrows of a chain. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from caluma_async.events.outbox.figures import Chain, Emitted, Recipient
from caluma_async.events.states import State
from caluma_async.monitor.tally import Bar

BAR_WIDTH: Final = 10
CHART_HEIGHT: Final = 100

BOX_WIDTH: Final = 290
HEAD: Final = 48
LINE: Final = 20
GAP: Final = 20
BETWEEN: Final = 56
MARGIN: Final = 8

MARKS: Final[Mapping[str, str]] = {
    State.WAITING: "◷",
    State.RUNNING: "▶",
    State.DELIVERED: "✓",
    State.FAILED: "✕",
    State.HELD: "‖",
    State.DISCARDED: "–",
}
"""What a state is marked with, beside its colour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One bar: `x`, and the height and top of its two parts."""

    x: int
    well: int
    badly: int
    top: int
    top_badly: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One delivery in a box. `y`: its baseline."""

    y: int
    recipient: Recipient
    name: str
    mark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """An event and its deliveries."""

    x: int
    y: int
    height: int
    event: Emitted
    name: str
    lines: Sequence[Line]
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A chain as a picture; `arrows` are the paths of SVG."""

    width: int
    height: int
    boxes: Sequence[Box]
    arrows: Sequence[str]


def columns(bars: Sequence[Bar]) -> list[Column]:
    """The bars, the highest of them as high as the chart."""
    most = max((bar.well + bar.badly for bar in bars), default=0) or 1
    return [_column(place, bar, most) for place, bar in enumerate(bars)]


def _column(place: int, bar: Bar, most: int) -> Column:
    well, badly = (_height(number, most) for number in bar)
    return Column(
        x=place * BAR_WIDTH,
        well=well,
        badly=badly,
        top=CHART_HEIGHT - well,
        top_badly=CHART_HEIGHT - well - badly,
    )


def _height(number: int, most: int) -> int:
    """What is not nothing can be seen."""
    return max(round(number * (CHART_HEIGHT - 4) / most), 2) if number else 0


def of_chain(chain: Chain, chosen: UUID) -> Picture:
    """Causes to the left of what they caused, the first of them at the same height."""
    boxes = _Layout(chain, chosen).boxes()
    by_event = {box.event.id: box for box in boxes}
    arrows = [_arrow(by_event[cause], box) for box in boxes if (cause := box.event.causation_id) in by_event]
    return Picture(
        width=max(box.x for box in boxes) + BOX_WIDTH + MARGIN,
        height=max(box.y + box.height for box in boxes) + MARGIN,
        boxes=boxes,
        arrows=arrows,
    )


class _Layout:
    """Boxes in the order of a walk from causes to what they caused."""

    def __init__(self, chain: Chain, chosen: UUID) -> None:
        self._chosen = chosen
        self._recipients: dict[UUID, list[Recipient]] = defaultdict(list)
        for recipient in chain.recipients:
            self._recipients[recipient.event_id].append(recipient)
        known = {event.id for event in chain.events}
        self._caused: dict[UUID | None, list[Emitted]] = defaultdict(list)
        for event in chain.events:
            self._caused[event.causation_id if event.causation_id in known else None].append(event)

    def boxes(self) -> list[Box]:
        """All of them."""
        found: list[Box] = []
        bottoms: dict[int, int] = {}  # of what stands already, by column
        waiting = [(event, 0) for event in reversed(self._caused[None])]
        row = MARGIN
        while waiting:
            event, column = waiting.pop()
            parent_first = bool(found) and found[-1].x < _x(column)
            row = found[-1].y if parent_first else max(bottoms.values(), default=MARGIN - GAP) + GAP
            box = self._box(event, column, row)
            found.append(box)
            bottoms[column] = box.y + box.height
            waiting += [(caused, column + 1) for caused in reversed(self._caused[event.id])]
        return found

    def _box(self, event: Emitted, column: int, y: int) -> Box:
        lines = [
            Line(y=y + HEAD + LINE * place + 14, recipient=one, name=_short(one.receiver), mark=MARKS[one.state])
            for place, one in enumerate(self._recipients[event.id])
        ]
        return Box(
            x=_x(column),
            y=y,
            height=HEAD + LINE * len(lines) + (8 if lines else 0),
            event=event,
            name=_short(event.type),
            lines=lines,
            chosen=event.id == self._chosen,
        )


def _x(column: int) -> int:
    return MARGIN + column * (BOX_WIDTH + BETWEEN)


def _arrow(cause: Box, caused: Box) -> str:
    x, y, to_x, to_y = cause.x + BOX_WIDTH, cause.y + HEAD // 2, caused.x - 7, caused.y + HEAD // 2
    middle = (x + to_x) // 2
    return f"M{x} {y}H{middle}V{to_y}H{to_x}"


_LONGEST: Final = 34


def _short(name: str) -> str:
    """The end of a name says most."""
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
