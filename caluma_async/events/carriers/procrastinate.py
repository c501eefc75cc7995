"""Carries deliveries as Procrastinate's jobs: whoever emits defers them, workers on any machine take them.

A job says which rows to look at, and nothing else: claims, order and acknowledgement stay in the rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from caluma_async.errors import Misconfigured
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.carriers.base import Drawn, InHand, Named, Waiting
from caluma_async.events.outbox import Claim
from caluma_async.events.outbox.dialect import Statement
from caluma_async.events.receiver import Receiver

try:
    import procrastinate
    from procrastinate.contrib.django.django_connector import DjangoConnector
except ImportError:
    procrastinate = None  # type: ignore[assignment]

QUEUE: Final = "caluma_async"
TASK: Final = "caluma_async.deliver"
APP: Final = "procrastinate.contrib.django"

_TOGETHER: Final = 32
"""How many deliveries one job names at most; the more, the fewer workers share what one transaction emits."""

_AT_ONCE: Final = 64
"""How many jobs are taken by one statement."""

_CLEAN_EVERY: Final = 60.0
"""Seconds between looks for jobs that somebody else has begun or ended."""


class Procrastinate:
    """Defers a job in the transaction that emits; nothing is delivered here, but what has no row.

    That runs on `queue`: on the worker of this process, where it is one, else on a loop in a thread of its own.
    """

    owner = None
    enlists = True

    def __init__(self, queue: AsyncioQueue) -> None:
        self._queue = queue

    def reserve(self, receiver: Receiver) -> bool:
        """Nothing is recorded in hand: it is for whichever worker has room."""
        return False

    def give_back(self, receiver: Receiver) -> None:
        """There are no places."""

    def enlist(self, waiting: Sequence[Waiting]) -> None:
        """Defer, in one statement on the connection that recorded the rows."""
        _deferrer().batch_defer(*({"deliveries": together} for together in _grouped(waiting)))

    def carry(self, in_hand: Sequence[InHand], waiting: Sequence[Waiting]) -> None:
        """The jobs were committed with the rows, and the database tells the workers."""

    def carry_loose(self, claims: Sequence[Claim]) -> None:
        """Run here what has no row: no other process can know of it."""
        self._queue.carry_loose(claims)


class Jobs:
    """The jobs of our queue, as the source of a worker."""

    channel = f"procrastinate_queue_v1#{QUEUE}"

    def __init__(self) -> None:
        self._clean_at = 0.0

    def draw(self, limit: int) -> Drawn:
        """Delete jobs, which is all that becomes of them, and return what they name.

        Should this process die before it has claimed that, the rows are there, and are found by looking.
        """
        if time.monotonic() >= self._clean_at:
            self._clean_at = time.monotonic() + _CLEAN_EVERY
            _clean(QUEUE)
        number = min(limit, _AT_ONCE)
        jobs = sorted(_draw(QUEUE, number))
        named = [Named(*one) for _, arguments in jobs for one in json.loads(arguments)["deliveries"]]
        return Drawn(named, more=len(jobs) == number)


def is_installed() -> bool:
    """Whether there is a Procrastinate."""
    return procrastinate is not None


def _grouped(waiting: Sequence[Waiting]) -> Iterator[Sequence[Named]]:
    """The first of each lane and what has none, so many at a time: whoever finishes the first goes on with its lane."""
    lanes: set[str] = set()
    named: list[Named] = []
    for one in waiting:
        if one.lane is None or one.lane not in lanes:
            named.append(Named(one.id, one.receiver))
        if one.lane is not None:
            lanes.add(one.lane)
    for first in range(0, len(named), _TOGETHER):
        yield named[first : first + _TOGETHER]


@cache
def _deferrer() -> Any:
    """No lock and no queueing lock: the one holds lanes up between polls, the other breaks an open transaction."""
    if procrastinate is None:
        raise Misconfigured("EVENT_CARRIER=procrastinate needs Procrastinate: install caluma-async[procrastinate].")
    return procrastinate.App(connector=DjangoConnector()).configure_task(TASK, queue=QUEUE)


# as an array, by key: PostgreSQL would rather compare them with every job that there is
_draw: Final = Statement(
    lambda _: (
        """
        DELETE FROM procrastinate_jobs WHERE id = ANY(ARRAY(
            SELECT id FROM procrastinate_jobs
            WHERE queue_name = %s AND status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= clock_timestamp())
            ORDER BY priority DESC, id LIMIT %s FOR UPDATE SKIP LOCKED
        )) RETURNING id, args::text"""
    )
)
_clean: Final = Statement(lambda _: "DELETE FROM procrastinate_jobs WHERE queue_name = %s AND status <> 'todo'")
