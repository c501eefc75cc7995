"""Our event types as legacy code holds them: the same types, on which `connect` speaks Caluma's dialect."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from caluma_async.compat.dialect import CALUMA
from caluma_async.events import EventType


class EventHandle(EventType):
    """A second handle of an event type. It equals the type and shares its state, so either may be used anywhere."""

    __slots__ = ("original",)  # beside the shared state, not in it

    def __init__(self, original: EventType) -> None:
        # `EventType.__init__` would declare a new type. Here receivers of the one are receivers of the other.
        self.__dict__ = original.__dict__
        self.original = original

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        *,
        dialect: Any = CALUMA,
    ) -> None:
        """Register a blocking receiver that hears Caluma's senders."""
        self.original.connect(receiver, sender, weak, dispatch_uid, dialect=dialect)

    def __eq__(self, other: object) -> bool:
        return self.original is unwrapped(other)

    def __hash__(self) -> int:
        return hash(self.original)


@cache
def handle(original: EventType) -> EventHandle:
    """The handle of this event type for legacy code."""
    return EventHandle(original)


def unwrapped(event: Any) -> Any:
    """The event type itself, whichever handle is given; anything else as it is."""
    return event.original if isinstance(event, EventHandle) else event
