"""Taking deliveries in hand: what is due, one at a time per lane, in the lane's order.

First somebody looks for candidates (`first_in_lanes`, `first_of`, `unordered`), which may be outdated at once; then
`take` decides, in one statement that holds every rule. Two processes never get the same delivery.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from caluma_async.events.outbox.dialect import Dialect, Statement, dialect
from caluma_async.events.outbox.rows import Claim, Fence, StoredEvent

FOLLOWERS: Final = 10
"""How many deliveries of a lane are fetched along with its first one, to save a claim for each."""

STEPS: Final = 500
"""How many lanes one look passes over; the next one goes on from there."""

LANE_SEPARATOR: Final = "|"
"""Stands in a lane's name between the receiver and its part of the event's lane."""

_BEHIND: Final = "}"  # sorts after the separator: `receiver + _BEHIND` lies behind all lanes of that receiver

_UNFINISHED: Final = "state IN ('waiting', 'running', 'held')"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hand:
    """Who takes deliveries: the process, and for how many seconds it may keep them unless it extends that."""

    owner: int
    lease: float


class Found(NamedTuple):
    """Candidates, whom each is for, and the lane after which the next look goes on: "" once the last one was seen."""

    ids: Sequence[int]
    receivers: Sequence[str]
    cursor: str = ""


def first_in_lanes(receivers: Sequence[str], limit: int, cursor: str = "") -> Found:
    """The first deliveries of up to `limit` lanes that are due, from the lane after `cursor` on."""
    known = dialect().listed(receivers)
    rows = _walk(cursor, known, STEPS, known, STEPS, limit)
    due = [(id_, receiver) for id_, receiver, _, _ in rows if id_ is not None]
    seen_all = len(due) < limit and (not rows or rows[-1][3] < STEPS)
    return Found(*_columns(due), "" if seen_all else rows[-1][2])


def first_of(lanes: Sequence[str]) -> list[int]:
    """The first unfinished delivery of each of these lanes."""
    if not lanes:
        return []
    return [row[0] for row in _first_of(*dialect().parameters([(lane,) for lane in lanes], 1)) if row[0] is not None]


def unordered(receivers: Sequence[str], limit: int) -> Found:
    """Up to `limit` deliveries without a lane that are due; those of the first receivers come first."""
    if dialect().can_lock_rows:
        given = dialect().parameters([(receiver,) for receiver in receivers], 1)
        return Found(*_columns(_unordered(*given, limit, limit)))
    due: list[tuple[int, str]] = []
    for receiver in receivers:  # SQLite would sort all there are
        if len(due) < limit:
            due += [(id_, receiver) for id_, _ in _unordered_of(receiver, limit - len(due))]
    return Found(*_columns(due))


def _columns(due: Sequence[tuple[Any, ...]]) -> tuple[list[int], list[str]]:
    return [id_ for id_, _ in due], [receiver for _, receiver in due]


def take(ids: Sequence[int], hand: Hand, *, followers: int = FOLLOWERS) -> list[Claim]:
    """Take those of these deliveries that are due and first in their lane, if none of that lane runs.

    Their attempt begins. On PostgreSQL so many `followers` of each lane come along, whose attempts do not.
    """
    if not ids:
        return []
    into = dialect()
    listed = into.listed(ids)
    if into.can_lock_rows:
        rows = sorted(_take(listed, followers, hand.owner, hand.lease))
    else:
        rows = sorted(_take(hand.owner, hand.lease, listed))
    events = stored_events({row[6] for row in rows})
    return [
        Claim(
            fence=Fence(id_, claims),
            attempt=attempt,
            receiver=receiver,
            lane=lane,
            begun=bool(begun),
            event=events[event],
        )
        for id_, claims, attempt, receiver, lane, begun, event in rows
    ]


def stored_events(ids: Collection[Any]) -> dict[Any, StoredEvent]:
    """The events with these keys, which are as the database gives them."""
    if not ids:
        return {}
    into = dialect()
    return {row[0]: _stored(into, *row) for row in _events(into.listed(ids))}


def _stored(into: Dialect, id_: Any, *middle: Any) -> StoredEvent:
    *texts, emitted_at, causation_id, correlation_id, chain, trace = middle
    return StoredEvent._make(
        [into.key(id_), *texts, into.moment(emitted_at), into.key(causation_id), into.key(correlation_id), chain, trace]
    )


def _first_after(lane: str) -> str:
    return f"SELECT id FROM events_delivery WHERE lane > {lane} AND {_UNFINISHED} ORDER BY lane, id LIMIT 1"


def _walk_text(into: Dialect) -> str:
    """Step from lane to lane by the index on (lane, id), over all lanes of a receiver that is not known at once.

    The row of the last step comes along in any case, for the cursor.
    """
    next_lane = f"CASE WHEN known THEN previous_lane ELSE previous_receiver || '{_BEHIND}' END"
    return f"""
        WITH RECURSIVE head(id, step) AS (
            SELECT ({_first_after("%s")}), 1
            UNION ALL
            SELECT (
                SELECT ({_first_after(next_lane)}) FROM (
                    SELECT lane AS previous_lane, receiver AS previous_receiver,
                        receiver {into.one_of("text")} AS known
                    FROM events_delivery AS previous WHERE previous.id = head.id
                ) AS previous
            ), step + 1
            FROM head WHERE head.id IS NOT NULL AND step < %s
        ), seen AS (
            SELECT delivery.id, delivery.receiver, delivery.lane, step,
                state = 'waiting' AND available_at <= (SELECT {into.now})
                AND receiver {into.one_of("text")} AND NOT EXISTS ({_running_beside("delivery")}) AS due
            FROM {into.each("head", "events_delivery", "delivery", "delivery.id = head.id")}
        )
        SELECT CASE WHEN due THEN id END, receiver, lane, step FROM seen WHERE due OR step = %s LIMIT %s"""


def _running_beside(delivery: str) -> str:
    return f"SELECT 1 FROM events_delivery AS beside WHERE beside.lane = {delivery}.lane AND beside.state = 'running'"


def _first_of_text(into: Dialect) -> str:
    return f"""
        SELECT (
            SELECT id FROM events_delivery AS own
            WHERE own.lane = given.lane AND own.{_UNFINISHED} ORDER BY id LIMIT 1
        ) FROM {into.given({"lane": "text"})}"""


def _unordered_of_text(into: Dialect, receiver: str = "%s") -> str:
    return f"""
        SELECT id, own.receiver FROM events_delivery AS own
        WHERE own.receiver = {receiver} AND own.lane IS NULL AND own.state = 'waiting'
            AND own.available_at <= (SELECT {into.now})
        ORDER BY available_at, id LIMIT %s"""


def _unordered_text(into: Dialect) -> str:
    """Receiver by receiver, so that the rows of one that is not known stand in nobody's way."""
    receivers = into.given({"receiver": "text"})
    of_one = _unordered_of_text(into, "given.receiver")
    return f"SELECT id, found.receiver FROM {receivers}, LATERAL ({of_one}) AS found LIMIT %s"


def _may_start(into: Dialect) -> str:
    return f"""own.id {into.one_of("bigint")} AND own.state = 'waiting' AND own.available_at <= (SELECT {into.now})
            AND (own.lane IS NULL OR NOT EXISTS (
                SELECT 1 FROM events_delivery AS beside WHERE beside.lane = own.lane AND beside.state = 'running'
            ) AND NOT EXISTS (
                SELECT 1 FROM events_delivery AS earlier
                WHERE earlier.lane = own.lane AND earlier.id < own.id AND earlier.{_UNFINISHED}
            ))"""


def _take_alone_text(into: Dialect) -> str:
    """Where whoever writes is alone: no locks, and no followers, for a claim costs little."""
    return f"""
        UPDATE events_delivery SET {_in_hand(into)}
        WHERE id IN (SELECT id FROM events_delivery AS own WHERE {_may_start(into)})
        RETURNING id, claims, attempt, receiver, lane, 1, event_id"""


def _take_locking_text(into: Dialect) -> str:
    """A head that somebody else has locked is passed over, and so is one that was written anew since it was chosen.

    For whether it is the first of its lane was seen as the statement began; whoever puts a row before it writes it
    anew (`people.retry`). Followers need no lock: nobody takes them but who has their head. They end where one is not
    due.
    """
    begins = f"delivery.id {into.found_by('SELECT id FROM head')}"
    mine = "SELECT id FROM head UNION ALL SELECT id FROM follower"
    return f"""
        WITH head AS (
            SELECT id, lane FROM events_delivery AS own
            WHERE {_may_start(into)} AND own.xmin = (SELECT xmin FROM events_delivery AS seen WHERE seen.id = own.id)
            FOR UPDATE SKIP LOCKED
        ), follower AS (
            SELECT behind.id FROM head, LATERAL (
                SELECT id, bool_and(state = 'waiting' AND available_at <= (SELECT {into.now})) OVER (ORDER BY id) AS due
                FROM (
                    SELECT id, state, available_at FROM events_delivery AS next
                    WHERE next.lane = head.lane AND next.id > head.id AND next.{_UNFINISHED}
                    ORDER BY id LIMIT %s
                ) AS next
            ) AS behind WHERE due
        )
        UPDATE events_delivery AS delivery SET {_in_hand(into, begins)}
        WHERE delivery.id {into.found_by(mine)} AND delivery.state = 'waiting'
        RETURNING delivery.id, claims, attempt, receiver, lane, {begins}, event_id"""


def _in_hand(into: Dialect, begins: str = "true") -> str:
    return f"""state = 'running', claims = claims + 1, attempt = attempt + CASE WHEN {begins} THEN 1 ELSE 0 END,
            owner = %s, lease_until = {into.later("%s")}, started_at = CASE WHEN {begins} THEN {into.now} END"""


def _events_text(into: Dialect) -> str:
    return f"""
        SELECT id, type, sender, arguments, "user", context, lane, emitted_at, causation_id, correlation_id,
            chain, trace
        FROM events_eventrecord WHERE id {into.one_of("uuid")}"""


_walk = Statement(_walk_text)
_first_of = Statement(_first_of_text)
_unordered = Statement(_unordered_text)
_unordered_of = Statement(_unordered_of_text)
_take = Statement(lambda into: _take_locking_text(into) if into.can_lock_rows else _take_alone_text(into))
_events = Statement(_events_text)
