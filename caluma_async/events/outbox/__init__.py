"""Every statement on the two tables of the outbox, by family: recording, claiming, settling, upkeep, people."""

from caluma_async.events.outbox.claiming import Hand, first_in_lanes, first_of, take, unordered
from caluma_async.events.outbox.people import Moved, discard, replay, retry
from caluma_async.events.outbox.recording import record, records_in_one_statement
from caluma_async.events.outbox.rows import (
    Claim,
    Fence,
    Follower,
    HandedEvent,
    NewDelivery,
    Recorded,
    Recovered,
    Result,
    StoredEvent,
)
from caluma_async.events.outbox.settling import begin, extend, settle
from caluma_async.events.outbox.upkeep import (
    MAX_CRASHES,
    Counts,
    announce,
    count,
    dead_owners,
    in_hand,
    prune,
    recover,
    still_waiting,
    unknown_receivers,
)

__all__ = [
    "MAX_CRASHES",
    "Claim",
    "Counts",
    "Fence",
    "Follower",
    "Hand",
    "HandedEvent",
    "Moved",
    "NewDelivery",
    "Recorded",
    "Recovered",
    "Result",
    "StoredEvent",
    "announce",
    "begin",
    "count",
    "dead_owners",
    "discard",
    "extend",
    "first_in_lanes",
    "first_of",
    "in_hand",
    "prune",
    "record",
    "records_in_one_statement",
    "recover",
    "replay",
    "retry",
    "settle",
    "still_waiting",
    "take",
    "unknown_receivers",
    "unordered",
]
