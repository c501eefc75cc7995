"""Whether deliveries move, for `/healthz`. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

from caluma_async.events import outbox
from caluma_async.events.lifecycle import servers_deliver
from caluma_async.events.outbox.search import longest_due
from caluma_async.events.registry import registry
from caluma_async.health import Unwell

STANDSTILL: Final = 30.0
"""Seconds for which something may be free to start, while nothing runs anywhere, until that counts as a standstill."""

_MANY: Final = 100


async def check() -> dict[str, Any]:
    """What waits, for how long, and whether the queue moves.

    Raises `Unwell` if it does not, and it is for this process to deliver: where another one does, restarting this one
    would help nobody.
    """
    facts = await asyncio.to_thread(_facts)
    if servers_deliver() and not facts["moving"]:
        raise Unwell("Deliveries are due, and none runs.", facts)
    return facts


def _facts() -> dict[str, Any]:
    """Over a connection of its own: threads that answer this come and go."""
    known = sorted(registry.deliverable_names())
    try:
        counts = outbox.count(known)
        return {
            "moving": counts.running > 0 or longest_due(_startable(known)) < STANDSTILL,
            "oldest_waiting_seconds": round(counts.oldest, 3),
            "waiting": counts.waiting,
            "running": counts.running,
            "held": counts.held,
            "failed": counts.failed,
            "unknown_receiver": counts.unknown,
        }
    finally:
        connection.close()


def _startable(known: Sequence[str]) -> list[int]:
    """Some of what could start at once: due, first in its lane, for a receiver that is known."""
    found = outbox.first_in_lanes(known, _MANY)
    while not found.ids and found.cursor:
        found = outbox.first_in_lanes(known, _MANY, found.cursor)
    return [*found.ids, *outbox.unordered(known, _MANY).ids]
