"""Keeping the outbox in order: deliveries of dead processes, deliveries that nobody runs, rows that are old, counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from caluma_async.events.outbox.dialect import Dialect, Statement, dialect
from caluma_async.events.outbox.rows import Fence, Recovered
from caluma_async.events.states import State

MAX_CRASHES: Final = 3
"""How many processes may die over one delivery before it is given up."""

OWNER_LOCKS: Final = 0x43414C4F
"""The first key of the advisory locks by which processes prove that they live."""

CHANNEL: Final = "caluma_async_events"
"""Where processes that do not deliver themselves announce deliveries."""

_BATCH: Final = 1_000

_LAST_PLACE: Final = "SELECT position FROM events_eventrecord WHERE position > 0 ORDER BY position DESC LIMIT 1"


def recover(dead: Collection[int], holding: Collection[str]) -> list[Recovered]:
    """Take deliveries from processes that are dead or whose lease ran out: they wait again.

    One during whose attempts `MAX_CRASHES` processes died is failed, or held if its receiver is among the `holding`.
    """
    into = dialect()
    if not (into.can_lock_rows or dead or _ended()):
        return []  # a statement that changes nothing would still wait for whoever writes
    rows = sorted(_recover(into.listed(holding), into.listed(dead)))
    return [
        Recovered(id=id_, receiver=receiver, lane=lane, crashes=crashes, state=State(state))
        for id_, receiver, lane, crashes, state in rows
    ]


def dead_owners() -> set[int]:
    """The processes that have deliveries in hand and do not hold their lock (PostgreSQL; elsewhere nobody can tell)."""
    if dialect().can_lock_rows:
        return {row[0] for row in _dead_owners(OWNER_LOCKS)}
    return set()


def announce() -> None:
    """Tell processes that deliver that something may be due (PostgreSQL; elsewhere they find it by polling)."""
    if dialect().can_lock_rows:
        _announce(CHANNEL)


def in_hand(owner: int) -> set[Fence]:
    """What this process has in hand, as far as the database knows."""
    return {Fence(*row) for row in _in_hand(owner)}


def still_waiting(ids: Collection[int]) -> set[int]:
    """Those of these deliveries that nobody has taken."""
    return {row[0] for row in _still_waiting(dialect().listed(ids))}


def prune(days: float) -> int:
    """Delete up to 1 000 deliveries that were finished so many days ago, and logged events that nobody received.

    Returns how many there were. Failed and held ones stay until a person decides. Events go with the last of their
    deliveries. The end of the log stays: the next event's place depends on it.
    """
    oldest = datetime.now(UTC) - timedelta(days=days)
    ceiling = UUID(int=int(oldest.timestamp() * 1000) << 80)
    into = dialect()
    key, moment = (ceiling, oldest) if into.can_lock_rows else (ceiling.hex, oldest.strftime("%Y-%m-%d %H:%M:%S.%f"))
    pruned = _prune(key, moment, _BATCH)
    _prune_events(into.listed({into.key(row[0]) for row in pruned}))
    return len(pruned) + len(_prune_log(key, _BATCH))


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many deliveries there are by state (finished ones are not counted), and the age in seconds of the oldest
    that is due and waits."""

    waiting: int
    running: int
    failed: int
    held: int
    oldest: float
    unknown: int


def count(known: Collection[str]) -> Counts:
    """Count what is not done; `unknown` are those that wait for receivers that are not `known`."""
    ((waiting, oldest, unknown),) = _count(dialect().listed(known))
    ((running, failed, held),) = _count_others()
    return Counts(
        waiting=waiting, running=running, failed=failed, held=held, oldest=max(oldest or 0, 0), unknown=unknown
    )


def unknown_receivers(known: Collection[str]) -> list[tuple[str, int]]:
    """The receivers that deliveries wait for and that are not `known`, with the number of their deliveries."""
    return [(name, number) for name, number in _unknown(dialect().listed(known))]


def _recover_text(into: Dialect) -> str:
    crashed = "CASE WHEN started_at IS NULL THEN 0 ELSE 1 END"
    given_up = f"crashes + {crashed} >= {MAX_CRASHES}"
    lock = "FOR UPDATE SKIP LOCKED" if into.can_lock_rows else ""
    # an order that the key's index has would be read along that one, past all that does not run
    lost = f"""
            SELECT id FROM events_delivery
            WHERE state = 'running' AND (lease_until < (SELECT {into.now}) OR owner {into.one_of("integer")})
            ORDER BY id + 0 LIMIT {_BATCH} {lock}"""
    return f"""
        UPDATE events_delivery SET crashes = crashes + {crashed},
            state = CASE WHEN NOT ({given_up}) THEN 'waiting'
                WHEN receiver {into.one_of("text")} THEN 'held' ELSE 'failed' END,
            error = CASE WHEN {given_up} THEN 'Given up: {MAX_CRASHES} processes died while it ran.' ELSE error END,
            finished_at = CASE WHEN {given_up} THEN {into.now} END,
            available_at = {into.now}, owner = NULL, lease_until = NULL, started_at = NULL
        WHERE id {into.found_by(lost)} RETURNING id, receiver, lane, crashes, state"""


def _dead_owners_text(into: Dialect) -> str:
    return """
        SELECT DISTINCT owner FROM events_delivery
        WHERE state = 'running' AND owner > 0 AND NOT EXISTS (
            SELECT 1 FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                AND classid = %s::bigint::oid AND objid = owner::bigint::oid
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        )"""


def _prune_text(into: Dialect) -> str:
    old = """
            SELECT id FROM events_delivery
            WHERE event_id < %s AND state IN ('delivered', 'discarded') AND finished_at < %s
            ORDER BY event_id LIMIT %s"""
    return f"DELETE FROM events_delivery WHERE id {into.found_by(old)} RETURNING event_id"


def _prune_events_text(into: Dialect) -> str:
    return f"""
        DELETE FROM events_eventrecord WHERE id {into.one_of("uuid")}
            AND NOT EXISTS (SELECT 1 FROM events_delivery WHERE event_id = events_eventrecord.id)
            AND (position IS NULL OR position BETWEEN 1 AND ({_LAST_PLACE}) - 1)"""


def _prune_log_text(into: Dialect) -> str:
    old = f"""
            SELECT id FROM events_eventrecord AS logged
            WHERE id < %s AND position BETWEEN 1 AND ({_LAST_PLACE}) - 1
                AND NOT EXISTS (SELECT 1 FROM events_delivery WHERE event_id = logged.id)
            ORDER BY id LIMIT %s"""
    return f"DELETE FROM events_eventrecord WHERE id {into.found_by(old)} RETURNING id"


def _count_text(into: Dialect) -> str:
    """Rows with and without a lane stand in different indexes."""
    columns = "SELECT receiver, available_at FROM events_delivery WHERE"
    return f"""
        SELECT count(*), {into.age(f"min(available_at) FILTER (WHERE available_at <= (SELECT {into.now}))")},
            count(*) FILTER (WHERE NOT (receiver {into.one_of("text")}))
        FROM (
            {columns} lane IS NULL AND state = 'waiting' UNION ALL
            {columns} lane IS NOT NULL AND state IN ('waiting', 'running', 'held') AND state = 'waiting'
        ) AS waiting"""


_recover = Statement(_recover_text)
_ended = Statement(
    lambda into: f"SELECT 1 FROM events_delivery WHERE state = 'running' AND lease_until < {into.now} LIMIT 1"
)
_dead_owners = Statement(_dead_owners_text)
_in_hand = Statement(lambda _: "SELECT id, claims FROM events_delivery WHERE state = 'running' AND owner = %s")
_still_waiting = Statement(
    lambda into: f"SELECT id FROM events_delivery WHERE id {into.one_of('bigint')} AND state = 'waiting'"
)
_announce = Statement(lambda _: "SELECT pg_notify(%s, '')")
_prune = Statement(_prune_text)
_prune_events = Statement(_prune_events_text)
_prune_log = Statement(_prune_log_text)
_count = Statement(_count_text)
_count_others = Statement(
    lambda _: (
        """SELECT (SELECT count(*) FROM events_delivery WHERE state = 'running'), (
            SELECT count(*) FROM events_delivery WHERE state = 'failed' AND state IN ('failed', 'held')
        ), (SELECT count(*) FROM events_delivery WHERE state = 'held' AND state IN ('failed', 'held'))"""
    )
)
_unknown = Statement(
    lambda into: (
        f"""
        SELECT receiver, count(*) FROM (
            SELECT receiver FROM events_delivery WHERE lane IS NULL AND state = 'waiting' UNION ALL
            SELECT receiver FROM events_delivery
            WHERE lane IS NOT NULL AND state IN ('waiting', 'running', 'held') AND state = 'waiting'
        ) AS waiting WHERE NOT (receiver {into.one_of("text")}) GROUP BY receiver ORDER BY receiver"""
    )
)
