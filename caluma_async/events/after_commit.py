"""What does not block, run after the commit in the emitting thread: once, without a row."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from contextvars import Context

from asgiref.sync import async_to_sync
from django.db import transaction

from caluma_async.events.event import Event
from caluma_async.events.receiver import Receiver
from caluma_async.events.scope import Due, Pending, caused_by

logger = logging.getLogger("caluma_async.events")


def record(pendings: Sequence[Pending]) -> None:
    """Take over what is to be run after the commit."""
    transaction.on_commit(functools.partial(_deliver, pendings), robust=True)


def _deliver(pendings: Sequence[Pending]) -> None:
    for pending in pendings:
        for due in pending.deliveries:
            Context().run(_attempt, pending.event, due)


def _attempt(event: Event, due: Due) -> None:
    try:
        if due.error is not None:
            raise due.error
        with caused_by(event):
            _call(due.receiver, event)
    except Exception:
        logger.exception("%s failed on %s.", due.receiver.name, event.name)


def _call(receiver: Receiver, event: Event) -> None:
    arguments = receiver.arguments_for(event)
    if receiver.is_async:
        async_to_sync(receiver.acall)(**arguments)
    else:
        receiver.call(**arguments)
