"""Who wants to hear of every committed event, beside its receivers: the log, subscribers, other processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from caluma_async.conf import settings
from caluma_async.events.event import EventType

LOG: Final = "log"
OTHERS: Final = "other processes"

Awaits = Callable[[EventType, Mapping[str, Any]], bool]
"""Says of a type and the arguments of an event of it whether it is waited for."""

_listening: Final[dict[object, Awaits | None]] = {}


def wants(kind: EventType, arguments: Mapping[str, Any]) -> bool:
    """Whether anybody wants to hear of an event of this type, with these arguments.

    What is only about to happen is not told, nor are Django's signals.
    """
    if not _listening or kind.phase == "pre" or kind.is_signal:
        return False
    return any(awaits is None or awaits(kind, arguments) for awaits in list(_listening.values()))


def tells_others() -> bool:
    """Whether other processes are told of what happens."""
    return OTHERS in _listening


def join(listener: object, awaits: Awaits | None = None) -> None:
    """Want to hear of events, from now on: of those that are waited for, or of all."""
    _listening[listener] = awaits


def leave(listener: object) -> None:
    """Do not want to any more."""
    _listening.pop(listener, None)


def follow_settings(**_: Any) -> None:
    """Let the log and the other processes hear as far as the settings say so."""
    for listener, is_on in ((LOG, settings.EVENT_LOG), (OTHERS, settings.CHANNEL_LAYER_URL)):
        (join if is_on else leave)(listener)
