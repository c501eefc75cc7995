"""Who wants to hear of every committed event, beside its receivers: the log, subscribers, other processes."""

from __future__ import annotations

from typing import Any, Final

from caluma_async.conf import settings
from caluma_async.events.event import EventType

LOG: Final = "log"
OTHERS: Final = "other processes"

_listening: Final[set[object]] = set()


def wants(kind: EventType) -> bool:
    """Whether anybody wants to hear of events of this type.

    What is only about to happen is not told, nor are Django's signals.
    """
    return bool(_listening) and kind.phase != "pre" and not kind.is_signal


def tells_others() -> bool:
    """Whether other processes are told of what happens."""
    return OTHERS in _listening


def join(listener: object) -> None:
    """Want to hear of events, from now on."""
    _listening.add(listener)


def leave(listener: object) -> None:
    """Do not want to any more."""
    _listening.discard(listener)


def follow_settings(**_: Any) -> None:
    """Let the log and the other processes hear as far as the settings say so."""
    for listener, is_on in ((LOG, settings.EVENT_LOG), (OTHERS, settings.CHANNEL_LAYER_URL)):
        (join if is_on else leave)(listener)
