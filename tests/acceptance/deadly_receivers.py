"""A site's receivers for processes under test that end their process at once where an event tells them to."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.db import transaction

from caluma_async.events import EventType, on, send_event

struck = EventType("post_struck", arguments=("deadly",), lane=lambda arguments: "lane")


def strike(*deadly: bool) -> None:
    """Emit in one transaction, one event behind the other in their lane."""
    with transaction.atomic():
        for one in deadly:
            send_event(struck, deadly=one)


@on(struck, name="awaited")
async def awaited(deadly: bool, **kwargs: Any) -> None:
    """Be struck on the event loop."""
    _die_if(deadly)


@on(struck, name="threaded", blocking=False)
def threaded(deadly: bool, **kwargs: Any) -> None:
    """Be struck in a thread."""
    _die_if(deadly)


def _die_if(deadly: bool) -> None:
    if deadly:
        os.kill(os.getpid(), signal.SIGKILL)
