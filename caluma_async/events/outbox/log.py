"""The log of events: rows of the outbox, each with its place in the order of commits.

A row's key says when the event was emitted, and an earlier one may be committed later: whoever read on from a key would
miss it. So rows get a place after their commit, by whoever reads, one reader at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction

from caluma_async.events.models import EventRecord
from caluma_async.events.outbox.claiming import stored_events
from caluma_async.events.outbox.dialect import Dialect, Statement, dialect
from caluma_async.events.outbox.rows import StoredEvent

LOG_LOCK: Final = 0x43414C50
"""The key of the advisory lock of whoever gives places."""

PAGE: Final = 500
"""How many events are read at once."""


class Entry(NamedTuple):
    """An event and its place in the log, from 1 on."""

    position: int
    event: StoredEvent


def place() -> None:
    """Give every event that was committed and has no place yet the next one: in each lane, in the order of commits."""
    if not _unplaced():
        return
    with transaction.atomic():
        if dialect().can_lock_rows:
            _lock(LOG_LOCK)
        _place()


def end() -> int:
    """The last place that is taken; 0 if there is none."""
    place()
    return _last()


def newer(position: int, limit: int = PAGE) -> list[Entry]:
    """Up to `limit` events behind this place, in order."""
    place()
    return _entries(_newer(position, limit))


def awaited(position: int, is_awaited: Callable[[str | None, str], bool]) -> tuple[list[Entry], int]:
    """Of the next events behind this place those that are waited for, by lane and type, and the last place looked at.

    The others are not loaded.
    """
    place()
    rows = _newer(position, PAGE)
    found = _entries([row for row in rows if is_awaited(row[2], row[3])])
    return found, int(rows[-1][0]) if rows else position


def position_of(event: UUID) -> int | None:
    """The place of an event; `None` if the log does not hold it."""
    place()
    return EventRecord.objects.filter(pk=event, position__gt=0).values_list("position", flat=True).first()


def _entries(rows: Sequence[Any]) -> list[Entry]:
    events = stored_events([row[1] for row in rows])
    return [Entry(row[0], events[row[1]]) for row in rows if row[1] in events]


def _last() -> int:
    rows = _top()
    return int(rows[0][0]) if rows else 0


def _place_text(into: Dialect) -> str:
    return """
        UPDATE events_eventrecord SET position = placed.place FROM (
            SELECT id, row_number() OVER (ORDER BY id) + COALESCE((
                SELECT position FROM events_eventrecord WHERE position > 0 ORDER BY position DESC LIMIT 1
            ), 0) AS place
            FROM events_eventrecord WHERE position = 0
        ) AS placed WHERE events_eventrecord.id = placed.id AND events_eventrecord.position = 0"""


_unplaced = Statement(lambda _: "SELECT 1 FROM events_eventrecord WHERE position = 0 LIMIT 1")
_lock = Statement(lambda _: "SELECT pg_advisory_xact_lock(%s)")
_place = Statement(_place_text)
_top = Statement(lambda _: "SELECT position FROM events_eventrecord WHERE position > 0 ORDER BY position DESC LIMIT 1")
_newer = Statement(
    lambda _: (
        "SELECT position, id, lane, type FROM events_eventrecord"
        " WHERE position > 0 AND position > %s ORDER BY position LIMIT %s"
    )
)
