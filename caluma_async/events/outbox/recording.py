"""Putting events and their deliveries into the outbox, inside the transaction that emits them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from caluma_async.events.outbox.dialect import Dialect, Statement, dialect, run
from caluma_async.events.outbox.rows import NewDelivery, Recorded, StoredEvent

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
}
_DELIVERY: Final = {
    "event_id": "uuid",
    "receiver": "text",
    "lane": "text",
    "state": "text",
    "error": "text",
    "starts": "boolean",
}


_FEW: Final = 4
"""Up to so many rows of a kind the statement is made for their number, and kept."""


def record(
    events: Sequence[StoredEvent], deliveries: Sequence[NewDelivery], *, owner: int | None = None, lease: float = 0
) -> list[Recorded]:
    """Write the rows in at most two statements; what became of each delivery, in the same order.

    Lanes are locked first, so that the order of rows in a lane is the order of commits. `owner` is the process that
    takes those in hand that may `start`, for `lease` seconds. Must be called in a transaction.
    """
    into = dialect()
    counts = _count(events), _count(deliveries)
    of_events = into.parameters(events, len(_EVENT), counts[0])
    of_deliveries = [*into.parameters(deliveries, len(_DELIVERY), counts[1]), owner, lease]
    if into.can_lock_rows:
        lock_lanes(event.lane for event in events)
        rows = run(_insert_both(into, *counts), [*of_events, *of_deliveries])
    else:
        run(_insert_events(into, counts[0]), of_events)
        rows = run(_insert_deliveries(into, counts[1]), of_deliveries)
    return sorted(Recorded(*row) for row in rows)


def _count(rows: Sequence[object]) -> int:
    return len(rows) if len(rows) <= _FEW else 0


def lock_lanes(lanes: Iterable[str | None]) -> None:
    """Wait for whoever records in these lanes, in an order that is the same for all."""
    keys = sorted({zlib.crc32(lane.encode()) - 2**31 for lane in lanes if lane is not None})
    if len(keys) == 1:
        _lock_lane(LANE_LOCKS, keys[0])
    elif keys:
        _lock_lanes(LANE_LOCKS, keys)


_lock_lane = Statement(lambda _: "SELECT pg_advisory_xact_lock(%s::int, %s::int)")
_lock_lanes = Statement(lambda _: "SELECT pg_advisory_xact_lock(%s::int, key) FROM unnest(%s::int[]) AS key")


@cache
def _insert_both(into: Dialect, events: int, deliveries: int) -> str:
    return f"WITH events AS ({_insert_events(into, events)}) {_insert_deliveries(into, deliveries)}"


@cache
def _insert_events(into: Dialect, count: int) -> str:
    columns = ", ".join(f'"{name.rstrip("_")}"' for name in _EVENT)
    return f"INSERT INTO events_eventrecord ({columns}) SELECT {', '.join(_EVENT)} FROM {into.given(_EVENT, count)}"


@cache
def _insert_deliveries(into: Dialect, count: int) -> str:
    """Those that may start do so if nothing unfinished stands in their lane."""
    # materialized: else the look into the lane is repeated for every column that depends on it
    fresh = f"""fresh AS MATERIALIZED (
            SELECT given.*, starts AND (lane IS NULL OR NOT EXISTS (
                SELECT 1 FROM events_delivery AS earlier
                WHERE earlier.lane = given.lane AND earlier.state IN ('waiting', 'running', 'held')
            )) AS starts_now
            FROM {into.given(_DELIVERY, count)}
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
        ORDER BY place
        RETURNING id, state"""
