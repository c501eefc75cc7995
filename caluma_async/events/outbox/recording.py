"""Putting events and their deliveries into the outbox, inside the transaction that emits them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from caluma_async.events.outbox.dialect import Dialect, Statement, dialect
from caluma_async.events.outbox.rows import NewDelivery, Recorded, StoredEvent
from caluma_async.prepared import run

LANE_LOCKS: Final = 0x43414C4E
"""The first key of the advisory locks on lanes, which tells them from those of others."""

_EVENT: Final = {
    "id": "uuid",
    "type": "text",
    "sender": "text",
    "arguments": "text",
    "user_": "text",
    "context": "text",
    "lane": "text",
    "emitted_at": "timestamptz",
    "causation_id": "uuid",
    "correlation_id": "uuid",
    "chain": "text",
    "trace": "text",
}
_DELIVERY: Final = {
    "event_id": "uuid",
    "receiver": "text",
    "lane": "text",
    "state": "text",
    "error": "text",
    "starts": "boolean",
    "key": "integer",
}

_FEW: Final = 4
"""Up to so many rows of a kind the statement is made for their number, and kept."""


def record(
    events: Sequence[StoredEvent],
    deliveries: Sequence[NewDelivery],
    *,
    owner: int | None = None,
    lease: float = 0,
    logged: bool = False,
    is_last: bool = False,
) -> list[Recorded]:
    """Write the rows in at most two statements; what became of each delivery, in the same order.

    Lanes are entered first, so that the order of rows in a lane is the order of commits. `owner` is the process that
    takes those in hand that may `start`, for `lease` seconds. `logged` events get their place in the log after the
    commit. Must be called in a transaction, unless one statement does it all; if that `is_last`, it may commit, too.
    """
    into = dialect()
    keys = {event.id: _key(event.lane) for event in events}
    counts = _count(events), _count(deliveries)
    of_events = into.parameters(events, len(_EVENT), counts[0])
    new = [(*delivery, keys[delivery.event_id]) for delivery in deliveries]
    of_deliveries = [*into.parameters(new, len(_DELIVERY), counts[1]), owner, lease]
    if not deliveries:
        run(_insert_events(into, counts[0], logged), of_events, is_last=is_last)
        return []
    if into.can_lock_rows:
        rows = run(_insert_both(into, *counts, logged), [*of_events, *of_deliveries], is_last=is_last)
    else:
        run(_insert_events(into, counts[0], logged), of_events)
        rows = run(_insert_deliveries(into, counts[1]), of_deliveries)
    return [Recorded(*row) for row in sorted(rows)]


def records_in_one_statement() -> bool:
    """Whether `record` sends one statement, whatever it writes (PostgreSQL)."""
    return dialect().can_lock_rows


def _count(rows: Sequence[object]) -> int:
    return len(rows) if len(rows) <= _FEW else 0


def lock_lanes(lanes: Iterable[str | None]) -> None:
    """Wait for whoever records in these lanes, in an order that is the same for all."""
    _lock_lanes(LANE_LOCKS, sorted({_key(lane) for lane in lanes if lane is not None}))


def _key(lane: str | None) -> int | None:
    """The second key of a lane's lock."""
    return None if lane is None else zlib.crc32(lane.encode()) - 2**31


_lock_lanes = Statement(lambda _: "SELECT pg_advisory_xact_lock(%s::int, key) FROM unnest(%s::int[]) AS key")


@cache
def _insert_both(into: Dialect, events: int, deliveries: int, logged: bool) -> str:
    return f"WITH events AS ({_insert_events(into, events, logged)}) {_insert_deliveries(into, deliveries)}"


@cache
def _insert_events(into: Dialect, count: int, logged: bool) -> str:
    columns, values = ", ".join(f'"{name.rstrip("_")}"' for name in _EVENT), ", ".join(_EVENT)
    if logged:
        columns, values = f"{columns}, position", f"{values}, 0"
    return f"INSERT INTO events_eventrecord ({columns}) SELECT {values} FROM {into.given(_EVENT, count)}"


@cache
def _insert_deliveries(into: Dialect, count: int) -> str:
    """Those that may start do so if nothing unfinished stands in their lane."""
    if into.can_lock_rows:
        # in the same order for all, and also where nothing starts: order is what matters
        ordered = f"(SELECT * FROM {into.given(_DELIVERY, count)} ORDER BY key, place) AS given"
        given = into.given(_DELIVERY, count) if count == 1 else ordered
        starts = f"""WHEN starts THEN events_enter_lane(lane, {LANE_LOCKS}, key)
            ELSE pg_advisory_xact_lock({LANE_LOCKS}, key) IS NULL"""
    else:
        given = into.given(_DELIVERY, count)
        starts = """ELSE starts AND NOT EXISTS (
                SELECT 1 FROM events_delivery AS earlier
                WHERE earlier.lane = given.lane AND earlier.state IN ('waiting', 'running', 'held')
            )"""
    # materialized: else the lane is entered again for every column that depends on it
    fresh = f"""fresh AS MATERIALIZED (
            SELECT given.*, CASE WHEN lane IS NULL THEN starts {starts} END AS starts_now FROM {given}
        )"""
    return f"""
        INSERT INTO events_delivery (event_id, receiver, lane, state, error, available_at,
            attempt, claims, crashes, owner, lease_until, started_at, finished_at)
        WITH {fresh}
        SELECT event_id, receiver, lane, CASE WHEN starts_now THEN 'running' ELSE state END, error, {into.now},
            CASE WHEN starts_now THEN 1 ELSE 0 END, CASE WHEN starts_now THEN 1 ELSE 0 END, 0,
            CASE WHEN starts_now THEN our.owner END,
            CASE WHEN starts_now THEN {into.later("our.lease")} END,
            CASE WHEN starts_now THEN {into.now} END,
            CASE WHEN state = 'failed' THEN {into.now} END
        FROM fresh, (SELECT CAST(%s AS integer) AS owner, CAST(%s AS double precision) AS lease) AS our
        {"" if count == 1 else "ORDER BY place"}
        RETURNING id, state"""
