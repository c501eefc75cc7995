"""What goes into the outbox and what comes out of it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from caluma_async.events.event import Event
from caluma_async.events.states import State


class StoredEvent(NamedTuple):
    """An event as its row holds it; `sender`, `arguments`, `user`, `context` and `chain` are JSON texts.

    `trace` is the traceparent under which it was recorded, if anybody traces.
    """

    id: UUID
    type: str
    sender: str
    arguments: str
    user: str
    context: str
    lane: str | None
    emitted_at: datetime
    causation_id: UUID | None
    correlation_id: UUID
    chain: str
    trace: str | None = None


class HandedEvent(NamedTuple):
    """An event that has no row and needs none: what a receiver gets of it is here already, and nobody else's."""

    id: UUID
    type: str
    emitted_at: datetime
    trace: str | None
    event: Event


class NewDelivery(NamedTuple):
    """A delivery that is to be recorded.

    `start`: take it in hand at once if nothing stands before it in its lane. `error`: what its filter raised; it is
    recorded as failed then.
    """

    event_id: UUID
    receiver: str
    lane: str | None
    state: str = State.WAITING
    error: str = ""
    start: bool = False


class Recorded(NamedTuple):
    """What became of a new delivery: its key, and whether it is in hand (`running`) or `waiting` or `failed`."""

    id: int
    state: str


class Fence(NamedTuple):
    """Which claim of which delivery."""

    id: int
    claims: int


class Follower(NamedTuple):
    """A delivery in hand that waits behind another one of its lane."""

    fence: Fence
    predecessor: int


class Claim(NamedTuple):
    """A delivery in hand.

    Whoever reports how it went names its `fence`. `begun` says whether its attempt counts already; one that was only
    fetched, behind another one of its lane, begins when its turn comes.
    """

    fence: Fence
    attempt: int
    receiver: str
    lane: str | None
    begun: bool
    event: StoredEvent | HandedEvent

    @property
    def id(self) -> int:
        """The key of the delivery."""
        return self.fence.id

    @property
    def is_durable(self) -> bool:
        """Whether it has a row."""
        return self.fence.claims > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an attempt went: the delivery's next state.

    `delay`: seconds until it is due again, where it waits; `None`: as before. `error`: what to keep of what went
    wrong; `None` leaves what was noted before. `uncounted`: no attempt took place, even if one was counted.
    """

    fence: Fence
    state: State
    delay: float | None = None
    error: str | None = None
    uncounted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A delivery that was taken from a process that seems dead, and where it stands now."""

    id: int
    receiver: str
    lane: str | None
    crashes: int
    state: State
