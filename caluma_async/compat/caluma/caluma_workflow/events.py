"""Stands for `caluma.caluma_workflow.events`: the event types, by their names and by their former ones."""

import warnings
from functools import cache

from caluma_async.compat.event_handle import EventHandle, handle
from caluma_async.events import EventType
from caluma_async.workflow import events

_TYPES = {name: value for name, value in vars(events).items() if isinstance(value, EventType)}
FORMER_NAMES = tuple(events.DEPRECATED)

__all__ = sorted(_TYPES)  # noqa: PLE0605 - the list of the module that declares them, not a copy of it


def __getattr__(name: str) -> EventHandle:
    if name in events.DEPRECATED:
        _warn_once(name)
        return handle(events.DEPRECATED[name])
    if name in _TYPES:
        return handle(_TYPES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _warn_once(name: str) -> None:
    instead = events.DEPRECATED[name].name
    # The importing module stands above this function, `__getattr__`, and the stand-in that looks the name up.
    warnings.warn(f"{name} is a former name: import {instead} instead.", DeprecationWarning, stacklevel=4)
