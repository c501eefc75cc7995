"""Events: declaring types, registering receivers, emitting. How deliveries are kept and carried is behind it."""

from caluma_async.events.emit import asend_event, send_event
from caluma_async.events.event import Event, EventType
from caluma_async.events.receivers import filter_events, on
from caluma_async.events.retry import Discard, Retry, RetryAfter

__all__ = [
    "Discard",
    "Event",
    "EventType",
    "Retry",
    "RetryAfter",
    "asend_event",
    "filter_events",
    "on",
    "send_event",
]
