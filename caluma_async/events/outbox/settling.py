"""Saying what became of deliveries in hand. Every statement names the claim: one that is outdated changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, TypeVar

from caluma_async.events.outbox.dialect import Dialect, Statement, dialect
from caluma_async.events.outbox.rows import Fence, Follower, Result
from caluma_async.prepared import Row, run

T = TypeVar("T", Result, Follower)

_FENCE: Final = {"claimed": "bigint", "fence": "integer"}
_RESULT: Final = {**_FENCE, "outcome": "text", "delay": "double precision", "complaint": "text", "uncounted": "boolean"}
_FOLLOWER: Final = {**_FENCE, "predecessor": "bigint"}

# by key, one by one: PostgreSQL would rather compare each claim with each row of the index on what runs
_STILL_OURS: Final = "events_delivery.id = claimed AND claims = fence AND state || '' = 'running'"

_FEW: Final = 2
"""Up to so many results the statement is made for their number, and its plan kept on any connection."""


def settle(results: Sequence[Result], behind: Sequence[Follower] = ()) -> set[Fence]:
    """Note how attempts went, and count those that were not counted when they began.

    Deliveries that were fetched `behind` these begin in the same moment, each if its predecessor's claim still held;
    none of them may be among the results.
    Returns the claims that still held. Rows are locked by key, as everybody locks them.
    """
    if not results:
        return set()
    into = dialect()
    rows = [(*result.fence, result.state, result.delay, result.error, result.uncounted) for result in _by_key(results)]
    followers = [(*follower.fence, follower.predecessor) for follower in _by_key(behind)]
    counts = _count(rows), _count(followers)
    given = into.parameters(rows, len(_RESULT), counts[0])
    if not followers:
        return _fences(run(_settle_text(into, counts[0]), given))
    given += into.parameters(followers, len(_FOLLOWER), counts[1])
    return _fences(run(_settle_and_begin_text(into, *counts), given))


def _by_key(ones: Sequence[T]) -> Sequence[T]:
    return sorted(ones, key=lambda one: one.fence) if len(ones) > 1 else ones


def _fences(rows: Sequence[Row]) -> set[Fence]:
    return {Fence(*row) for row in rows}


def _count(rows: Sequence[object]) -> int:
    return len(rows) if len(rows) <= _FEW else 0


def begin(fences: Sequence[Fence]) -> set[Fence]:
    """Count attempts that have begun; the claims that still held."""
    if not fences:
        return set()
    return _fences(_begin(*dialect().parameters(sorted(fences), len(_FENCE))))


def extend(fences: Sequence[Fence], lease: float) -> set[int]:
    """Keep deliveries for `lease` seconds from now; the keys of those whose claim still held.

    A row that is locked is being settled: it is passed over, and counts as held.
    """
    into = dialect()
    if not fences:
        return set()
    given = into.parameters(fences, len(_FENCE))
    if into.can_lock_rows:
        held = {row[0] for row in _held(*given)}
        _extend(lease, *given)
        return held
    return {row[0] for row in _extend(lease, *given)}


@cache
def _settle_and_begin_text(into: Dialect, results: int, followers: int) -> str:
    """One statement, so that one commit is all that a lane's next delivery waits for."""
    return f"""
        WITH settled AS ({_settle_text(into, results)}), begun AS (
            UPDATE events_delivery SET {_begins(into)} FROM {into.given(_FOLLOWER, followers)}
            WHERE {_STILL_OURS} AND started_at IS NULL AND predecessor IN (SELECT id FROM settled)
            RETURNING events_delivery.id, claims
        ) SELECT id, claims FROM settled UNION ALL SELECT id, claims FROM begun"""


@cache
def _settle_text(into: Dialect, count: int) -> str:
    return f"""
        UPDATE events_delivery SET state = outcome, error = COALESCE(complaint, error),
            attempt = attempt + CASE WHEN uncounted = (started_at IS NULL) THEN 0 WHEN uncounted THEN -1 ELSE 1 END,
            available_at = CASE WHEN delay IS NULL THEN available_at ELSE {into.later("COALESCE(delay, 0)")} END,
            finished_at = CASE WHEN outcome = 'waiting' THEN NULL ELSE {into.now} END,
            owner = NULL, lease_until = NULL, started_at = NULL
        FROM {into.given(_RESULT, count)} WHERE {_STILL_OURS} RETURNING events_delivery.id, claims"""


def _begins(into: Dialect) -> str:
    return f"attempt = attempt + 1, started_at = {into.now}"


def _begin_text(into: Dialect) -> str:
    return f"""
        UPDATE events_delivery SET {_begins(into)}
        FROM {into.given(_FENCE)} WHERE {_STILL_OURS} AND started_at IS NULL RETURNING events_delivery.id, claims"""


def _extend_text(into: Dialect) -> str:
    lock = "FOR UPDATE OF events_delivery SKIP LOCKED" if into.can_lock_rows else ""
    ours = f"SELECT events_delivery.id FROM events_delivery, {into.given(_FENCE)} WHERE {_STILL_OURS} {lock}"
    return f"UPDATE events_delivery SET lease_until = {into.later('%s')} WHERE id {into.found_by(ours)} RETURNING id"


def _held_text(into: Dialect) -> str:
    return f"SELECT events_delivery.id FROM events_delivery, {into.given(_FENCE)} WHERE {_STILL_OURS}"


_begin = Statement(_begin_text)
_extend = Statement(_extend_text)
_held = Statement(_held_text)
