"""Stands for `caluma.caluma_core.events`: registering and sending, in Caluma's dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from caluma_async.compat.dialect import CALUMA
from caluma_async.compat.event_handle import unwrapped
from caluma_async.errors import SignalHandlingError
from caluma_async.events import filter_events
from caluma_async.events import send_event as _send_event
from caluma_async.events.event import event_type
from caluma_async.events.receivers import register
from caluma_async.workflow.events import DEPRECATED

__all__ = ["SignalHandlingError", "filter_events", "on", "send_event", "send_event_with_deprecations"]

F = TypeVar("F", bound=Callable[..., Any])


def on(
    event: Any, raise_exception: bool = False, *, weak: bool = False, dispatch_uid: object = None, **options: Any
) -> Callable[[F], F]:
    """Register a receiver that hears Caluma's senders; `options` are those of `caluma_async.events.on`.

    `weak` and `dispatch_uid` are taken and change nothing: registration is strong, and happens once.
    """
    events = event if isinstance(event, list | tuple) else [event]

    def decorator(function: F) -> F:
        register(
            function, [unwrapped(one) for one in events], dialect=CALUMA, raise_exception=raise_exception, **options
        )
        return function

    return decorator


def send_event(signal: Any, **arguments: Any) -> Any:
    """Emit an event type or a signal; `sender` may be anything."""
    return _send_event(unwrapped(signal), **arguments)


def send_event_with_deprecations(event_name: str, **arguments: Any) -> Any:
    """Emit the event of this name, which may be a former one."""
    return send_event(DEPRECATED.get(event_name) or event_type(event_name), **arguments)
