"""What people watch: how many stand where, for each receiver; the latest; what caused what. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from caluma_async.events.models import EventRecord
from caluma_async.events.outbox.dialect import Dialect, Statement, dialect
from caluma_async.events.outbox.search import Listed, Wanted, find, latest

CHAIN: Final = 100
"""How many events of a chain are shown at most."""


class Standing(NamedTuple):
    """How many deliveries of one receiver stand in one state; `oldest`: the age in seconds of the one due longest."""

    receiver: str
    state: str
    number: int
    oldest: float


class Emitted(NamedTuple):
    """An event as people see it; `user` is JSON."""

    id: UUID
    type: str
    lane: str | None
    emitted_at: datetime
    causation_id: UUID | None
    correlation_id: UUID
    user: str


class Recipient(NamedTuple):
    """A delivery of an event in a chain."""

    id: int
    event_id: UUID
    receiver: str
    state: str
    attempt: int
    error: str


class Chain(NamedTuple):
    """Events that belong together, the first one first, with their deliveries. `cut`: there are more of them."""

    events: Sequence[Emitted]
    recipients: Sequence[Recipient]
    cut: bool


def standings() -> list[Standing]:
    """Where the deliveries stand that are not done, by receiver and state."""
    return [Standing(receiver, state, number, max(age or 0.0, 0.0)) for receiver, state, number, age in _standings()]


def latest_kept(limit: int) -> list[Listed]:
    """The latest that failed or are held, at most so many."""
    ids = [row[0] for row in _latest_kept(limit, limit)]
    return find(Wanted(ids=ids), limit)[::-1] if ids else []


def latest_deliveries(limit: int) -> list[Listed]:
    """The latest deliveries, the last one first."""
    return latest(Wanted(), limit)


def latest_events(limit: int) -> list[Emitted]:
    """The latest events that were stored, the last one first."""
    return [Emitted(*row) for row in EventRecord.objects.order_by("-id").values_list(*Emitted._fields)[:limit]]


def chain(event: UUID) -> Chain | None:
    """All that belongs to the same first event as this one does; `None` if there is no such event."""
    found = EventRecord.objects.filter(pk=event).values_list("correlation_id", flat=True).first()
    if found is None:
        return None
    parameter = found if dialect().can_lock_rows else found.hex
    ids = [dialect().key(row[0]) for row in _chain(parameter, parameter, CHAIN + 1)]
    shown = sorted({*ids[:CHAIN], event})
    return Chain(_emitted(shown), _recipients(shown), len(ids) > CHAIN)


def _emitted(ids: Sequence[UUID]) -> list[Emitted]:
    rows = EventRecord.objects.filter(pk__in=ids).order_by("id")
    return [Emitted(*row) for row in rows.values_list(*Emitted._fields)]


def _recipients(ids: Sequence[UUID]) -> list[Recipient]:
    into = dialect()
    rows = _of_events(into.listed(ids), 5 * CHAIN)
    return [Recipient(id_, into.key(event) or UUID(int=0), *others) for id_, event, *others in rows]


def _standings_text(into: Dialect) -> str:
    """Each part stands in an index of its own: waiting without and with a lane, running, and what is kept."""
    columns = "SELECT receiver, state, available_at FROM events_delivery WHERE"
    due = f"state = 'waiting' AND available_at <= (SELECT {into.now})"
    return f"""
        SELECT receiver, state, count(*), {into.age(f"min(available_at) FILTER (WHERE {due})")} FROM (
            {columns} lane IS NULL AND state = 'waiting' UNION ALL
            {columns} lane IS NOT NULL AND state IN ('waiting', 'running', 'held') AND state = 'waiting' UNION ALL
            {columns} state = 'running' UNION ALL
            {columns} state IN ('failed', 'held')
        ) AS standing GROUP BY receiver, state ORDER BY receiver, state"""


def _latest_kept_text(into: Dialect) -> str:
    """Along the index on what is kept, whatever the planner believes of how much that is."""

    def of(state: str) -> str:
        condition = f"state = '{state}' AND state IN ('failed', 'held')"
        return f"SELECT id FROM (SELECT id FROM events_delivery WHERE {condition} ORDER BY id DESC LIMIT %s) AS {state}"

    return f"{of('failed')} UNION ALL {of('held')} ORDER BY id DESC"


def _chain_text(into: Dialect) -> str:
    return """
        SELECT id FROM events_eventrecord WHERE id = %s UNION ALL
        SELECT id FROM (
            SELECT id FROM events_eventrecord WHERE correlation_id = %s AND causation_id IS NOT NULL
            ORDER BY id LIMIT %s
        ) AS caused"""


def _recipients_text(into: Dialect) -> str:
    return f"""
        SELECT id, event_id, receiver, state, attempt, error FROM events_delivery
        WHERE event_id {into.one_of("uuid")} ORDER BY id LIMIT %s"""


_standings = Statement(_standings_text)
_latest_kept = Statement(_latest_kept_text)
_chain = Statement(_chain_text)
_of_events = Statement(_recipients_text)
