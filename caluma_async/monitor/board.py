"""What the page shows: figures from the table and from the tally, put together. Knows no HTML."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from caluma_async.events.outbox import figures
from caluma_async.events.outbox.figures import Chain, Emitted, Standing
from caluma_async.events.outbox.search import Listed
from caluma_async.events.registry import registry
from caluma_async.events.states import State
from caluma_async.monitor.tally import Bar, Pace, tally

EVENTS: Final = 12
DELIVERIES: Final = 20
"""How many of the latest are shown."""

KEPT: Final = 10
"""How many of those that failed or are held are shown; the admin has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One receiver: how many of its deliveries stand where, and how it does. `known`: it is registered here."""

    receiver: str
    numbers: Mapping[str, int]
    oldest: float
    pace: Pace
    known: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """Everything at one moment. `chain` belongs to the event that was asked for, if there is one."""

    totals: Mapping[str, int]
    oldest: float
    per_minute: float
    bars: Sequence[Bar]
    rows: Sequence[Row]
    kept: Sequence[Listed]
    deliveries: Sequence[Listed]
    events: Sequence[Emitted]


def board() -> Board:
    """Read it. Five statements."""
    standings, paces = figures.standings(), tally.paces()
    rows = _rows(standings, paces)
    return Board(
        totals={state: sum(row.numbers.get(state, 0) for row in rows) for state in _SHOWN},
        oldest=max((row.oldest for row in rows), default=0.0),
        per_minute=sum(pace.per_minute for pace in paces.values()),
        bars=tally.bars(),
        rows=rows,
        kept=figures.latest_kept(KEPT),
        deliveries=figures.latest_deliveries(DELIVERIES),
        events=figures.latest_events(EVENTS),
    )


def chain(event: UUID | None) -> Chain | None:
    """What belongs to an event; four statements more."""
    return None if event is None else figures.chain(event)


_SHOWN: Final = (State.WAITING.value, State.RUNNING.value, State.FAILED.value, State.HELD.value)


def _rows(standings: Sequence[Standing], paces: Mapping[str, Pace]) -> list[Row]:
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    oldest: dict[str, float] = defaultdict(float)
    for standing in standings:
        numbers[standing.receiver][standing.state] = standing.number
        oldest[standing.receiver] = max(oldest[standing.receiver], standing.oldest)
    known = registry.deliverable_names()
    former = {alias for receiver in registry.all() for alias in receiver.aliases}
    names = sorted((known - former) | numbers.keys() | paces.keys())
    loose = {receiver.name for receiver in registry.all() if not receiver.durable}
    return [
        Row(
            receiver=name,
            numbers=numbers[name],
            oldest=oldest[name],
            pace=paces.get(name, Pace()),
            known=name in known or name in loose,
        )
        for name in names
    ]
