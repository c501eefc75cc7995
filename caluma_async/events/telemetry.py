"""What happens in the engine, told to whoever listens. Logs and metrics are listeners; the logic knows neither."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple
from uuid import UUID

from caluma_async.events.outbox import Claim

logger = logging.getLogger("caluma_async.events")


class Kind(Enum):
    """What may happen."""

    RECORDED = "recorded"
    STARTED = "started"
    DELIVERED = "delivered"
    RETRIED = "retried"
    FAILED = "failed"
    HELD = "held"
    DISCARDED = "discarded"
    RELEASED = "released"
    RECOVERED = "recovered"
    LOST = "lost"
    DROPPED = "dropped"
    OVERDUE = "overdue"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    STUMBLED = "stumbled"
    EXTENDED = "extended"
    RESUMED = "resumed"

    __hash__ = object.__hash__  # there is one of each, and `Enum` would take the hash of its name each time


class Told(NamedTuple):
    """One thing that happened.

    `seconds`: STARTED - from the commit to the start; DELIVERED and failures - how long the receiver ran; RETRIED -
    until the next attempt; OVERDUE, BLOCKED - for how long so far. `number` counts where it is about several.
    """

    kind: Kind
    receiver: str = ""
    event: str = ""
    event_id: UUID | None = None
    delivery: int = 0
    lane: str | None = None
    attempt: int = 0
    seconds: float = 0.0
    ran: float = 0.0
    number: int = 1
    error: BaseException | None = None
    reason: str = ""


def about(
    claim: Claim, kind: Kind, *, seconds: float = 0.0, ran: float = 0.0, error: BaseException | None = None
) -> Told:
    """Something that happened to a delivery in hand."""
    fence, attempt, receiver, lane, _, event = claim
    return Told(kind, receiver, event.type, event.id, fence.id, lane, attempt, seconds, ran, 1, error)


Listener = Callable[[Told], None]

listeners: Final[list[Listener]] = []
"""Called with everything that happens, on whatever thread it does."""


def tell(told: Told) -> None:
    """Tell all listeners; one that fails is logged and harms nobody."""
    for listener in listeners:
        try:
            listener(told)
        except Exception:
            logger.exception("The telemetry listener %r failed on %s.", listener, told.kind.value)
