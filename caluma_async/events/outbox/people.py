"""What a person decides about deliveries that failed, are held, or are not to happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction

from caluma_async.events.outbox.dialect import Dialect, Statement, dialect
from caluma_async.events.outbox.recording import lock_lanes


class Moved(NamedTuple):
    """A delivery that waits again, and whether that breaks its lane's order: later ones were delivered already."""

    id: int
    out_of_order: bool


def retry(ids: Sequence[int]) -> list[Moved]:
    """Let failed and held deliveries wait again, with all their attempts before them; those that did.

    One that failed comes before all that wait in its lane. Whoever records or takes in these lanes at this moment is
    waited for, so that still one runs at a time.
    """
    listed = dialect().listed(ids)
    with transaction.atomic():
        if dialect().can_lock_rows:
            lock_lanes(row[0] for row in _event_lanes(listed))
            _lock(listed, listed)
            _renew_heads(listed)
        behind = {row[0] for row in _overtaken(listed)}
        return [Moved(row[0], row[0] in behind) for row in sorted(_retry(listed))]


def discard(ids: Sequence[int], reason: str) -> set[int]:
    """Give up deliveries that failed, are held or wait; those that were."""
    listed = dialect().listed(ids)
    with transaction.atomic():
        if dialect().can_lock_rows:
            _lock(listed, listed)
        return {row[0] for row in _discard(reason, listed)}


def replay(event: UUID, receiver: str, *, event_lane: str | None, lane: str | None) -> int:
    """Have one receiver told of an event once more, behind all that waits in its `lane`; the new delivery's key.

    `event_lane` is the event's own. Must be called in a transaction.
    """
    if dialect().can_lock_rows:
        lock_lanes([event_lane])
    ((key,),) = _replay(*dialect().parameters([(event, receiver, lane)], len(_REPLAY)))
    return int(key)


_REPLAY: Final = {"of_event": "uuid", "recipient": "text", "its_lane": "text"}


def _replay_text(into: Dialect) -> str:
    return f"""
        INSERT INTO events_delivery (event_id, receiver, lane, state, available_at, attempt, claims, crashes, error)
        SELECT of_event, recipient, its_lane, 'waiting', {into.now}, 0, 0, 0, '' FROM {into.given(_REPLAY)}
        RETURNING id"""


def _event_lanes_text(into: Dialect) -> str:
    return f"""
        SELECT DISTINCT event.lane FROM events_delivery AS delivery
        JOIN events_eventrecord AS event ON event.id = delivery.event_id
        WHERE delivery.id {into.one_of("bigint")}"""


def _lock_text(into: Dialect) -> str:
    """Wait for whoever settles or takes these, or anything unfinished in their lanes.

    By key, as everybody locks; and whole lanes, for who takes locks the first of a lane, and then what follows it.
    """
    lanes = f"SELECT lane FROM events_delivery WHERE id {into.one_of('bigint')}"
    wanted = f"""
            SELECT id FROM events_delivery WHERE id {into.one_of("bigint")}
            UNION
            SELECT id FROM events_delivery
            WHERE state IN ('waiting', 'running', 'held') AND lane {into.found_by(lanes)}"""
    return f"SELECT id FROM events_delivery WHERE id {into.found_by(wanted)} ORDER BY id FOR UPDATE"


def _renew_heads_text(into: Dialect) -> str:
    """Write the first of each lane anew, as it is: who has chosen it already sees that, and chooses again."""
    heads = f"""
            SELECT (
                SELECT id FROM events_delivery AS own
                WHERE own.lane = moved.lane AND own.state IN ('waiting', 'running', 'held') ORDER BY id LIMIT 1
            ) FROM events_delivery AS moved WHERE moved.id {into.one_of("bigint")}"""
    return f"""
        UPDATE events_delivery SET available_at = available_at
        WHERE state = 'waiting' AND id {into.found_by(heads)}"""


def _overtaken_text(into: Dialect) -> str:
    return f"""
        SELECT id FROM events_delivery AS own
        WHERE id {into.one_of("bigint")} AND state = 'failed' AND EXISTS (
            SELECT 1 FROM events_delivery AS later
            WHERE later.lane = own.lane AND later.id > own.id AND later.state <> 'waiting'
        )"""


def _retry_text(into: Dialect) -> str:
    return f"""
        UPDATE events_delivery SET state = 'waiting', available_at = {into.now}, finished_at = NULL,
            attempt = 0, crashes = 0
        WHERE id {into.one_of("bigint")} AND state IN ('failed', 'held') RETURNING id"""


def _discard_text(into: Dialect) -> str:
    return f"""
        UPDATE events_delivery SET state = 'discarded', finished_at = {into.now}, error = %s
        WHERE id {into.one_of("bigint")} AND state IN ('waiting', 'failed', 'held') RETURNING id"""


_replay = Statement(_replay_text)
_event_lanes = Statement(_event_lanes_text)
_lock = Statement(_lock_text)
_renew_heads = Statement(_renew_heads_text)
_overtaken = Statement(_overtaken_text)
_retry = Statement(_retry_text)
_discard = Statement(_discard_text)
