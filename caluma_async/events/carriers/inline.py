"""Carries deliveries at once, on the thread that emitted: for tests and for scripts that do one thing."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from threading import local
from typing import Final

from asgiref.sync import async_to_sync

from caluma_async.conf import settings
from caluma_async.events import executor, outbox
from caluma_async.events.carriers.base import InHand, Waiting
from caluma_async.events.executor import Assignment, Attempt
from caluma_async.events.outbox import Claim, Hand
from caluma_async.events.receiver import Receiver
from caluma_async.events.registry import registry
from caluma_async.events.runner import Finish
from caluma_async.events.telemetry import Kind, about, tell

_MANY: Final = 1_000


class Inline:
    """Delivers in the emitting thread, over its connection, before the commit returns.

    What a receiver emits is delivered after what was there before, and what is to be retried stays in the table.
    """

    owner = None
    enlists = False

    def __init__(self) -> None:
        self._thread = local()

    def reserve(self, receiver: Receiver) -> bool:
        """Nothing is recorded in hand: it is taken after the commit."""
        return False

    def give_back(self, receiver: Receiver) -> None:
        """There are no places."""

    def enlist(self, waiting: Sequence[Waiting]) -> None:
        """The rows are enough."""

    def carry(self, in_hand: Sequence[InHand], waiting: Sequence[Waiting]) -> None:
        """Deliver what waits, if it is first in its lane."""
        for one in waiting:
            self._in_turn(lambda key=one.id: deliver([key]))  # type: ignore[misc]

    def carry_loose(self, claims: Sequence[Claim]) -> None:
        """Deliver what has no row."""
        for claim in claims:
            self._in_turn(lambda one=claim: attempt(one))  # type: ignore[misc]

    def _in_turn(self, job: Callable[[], object]) -> None:
        """Do it now, or after what this thread is delivering."""
        jobs: deque[Callable[[], object]] | None = getattr(self._thread, "jobs", None)
        if jobs is not None:
            jobs.append(job)
            return
        self._thread.jobs = jobs = deque([job])
        try:
            while jobs:
                jobs.popleft()()
        finally:
            self._thread.jobs = None


def deliver(ids: Sequence[int]) -> int:
    """Attempt those of these deliveries that are due and first in their lane, one after the other; how many."""
    claims = outbox.take(ids, Hand(owner=_OWNER, lease=settings.EVENT_LEASE), followers=0)
    for claim in claims:
        attempt(claim)
    return len(claims)


def deliver_due() -> int:
    """Attempt everything that is due, and what that causes, until nothing is left; how many."""
    known = sorted(registry.deliverable_names())
    number = 0
    while delivered := deliver([*outbox.first_in_lanes(known, _MANY).ids, *outbox.unordered(known, _MANY).ids]):
        number += delivered
    return number


def attempt(claim: Claim) -> None:
    """Attempt one delivery on this thread, and note how it went."""
    receiver = registry.find(claim.receiver, claim.event.type) or registry.find(claim.receiver)
    if receiver is None:
        outbox.settle([executor.released(claim, uncounted=True, delay=1)])
        return
    assignment = Assignment(claim, receiver, executor.now())
    tell(about(claim, Kind.STARTED))
    started = time.perf_counter()
    error, is_settled = _run(assignment)
    finish = Finish(assignment, executor.decide(assignment, error), error, time.perf_counter() - started)
    accepted = is_settled or not assignment.is_durable or bool(outbox.settle([finish.result]))
    tell(about(claim, _kind(finish) if accepted else Kind.LOST, ran=finish.ran, error=error))


def _kind(finish: Finish) -> Kind:
    """What has happened: what has no row is not tried again."""
    lost = not finish.assignment.is_durable and finish.error is not None
    return Kind.FAILED if lost else finish.kind


def _run(assignment: Assignment) -> tuple[BaseException | None, bool]:
    """Its error, if any; whether its row says already that it is over."""
    (attempted,) = executor.prepare([assignment])
    if not isinstance(attempted, Attempt):
        return attempted, False
    # in a context of its own: what the emitting code has set is not about this delivery
    if attempted.receiver.is_async:
        return Context().run(async_to_sync(executor.run_async_in_time), attempted), False
    error = Context().run(executor.run_in_thread, attempted)
    return error, error is None and attempted.is_settled


_OWNER: Final = -random.SystemRandom().randint(1, 2**31 - 1)
"""As whom deliveries are taken; a negative number promises no lock by which others see that the process lives."""
