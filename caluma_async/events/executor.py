"""Delivering one: load, call (await, or in a thread), decide what becomes of it. The bridge from loop to receiver."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connection, transaction

from caluma_async import around
from caluma_async.conf import settings
from caluma_async.cursors import FirstCursor
from caluma_async.errors import ReceiverFailed
from caluma_async.events import loading
from caluma_async.events.blocking import is_aborted, is_ended
from caluma_async.events.calling import refuse_awaitable
from caluma_async.events.event import Event
from caluma_async.events.outbox import Claim, Fence, HandedEvent, Result, settle
from caluma_async.events.receiver import Receiver
from caluma_async.events.retry import DEFAULT, Discard, RetryAfter
from caluma_async.events.savepoint import is_open
from caluma_async.events.scope import caused_by, emissions
from caluma_async.events.states import State
from caluma_async.events.stored import Reference, decode_event, mentions_objects, references, resolved

logger = logging.getLogger("caluma_async.events")

_LONGEST_ERROR: Final = 20_000

_LONGEST_AT_ONCE: Final = 10_000
"""Characters up to which an event may be decoded on the event loop."""


@dataclass(slots=True, eq=False)
class Assignment:
    """A delivery in hand and the receiver it is for. `since`: when it was committed, by `time.time()`."""

    claim: Claim
    receiver: Receiver
    since: float

    @property
    def is_durable(self) -> bool:
        """Whether it has a row."""
        return self.claim.is_durable


@dataclass(slots=True, eq=False)
class Attempt:
    """An assignment with everything loaded that the receiver gets. `is_settled`: its row says that it is over."""

    assignment: Assignment
    event: Event
    arguments: dict[str, Any]
    is_late: bool = False
    is_settled: bool = False

    @property
    def receiver(self) -> Receiver:
        """Whom it is for."""
        return self.assignment.receiver


class Gone(Exception):
    """An object that the event is about does not exist any more."""


class Lost(Exception):
    """The claim was outdated when the receiver had run: another process has the delivery, what was done is undone."""


class TimedOut(Exception):
    """The attempt took longer than the receiver may."""


def prepare(assignments: Sequence[Assignment]) -> list[Attempt | BaseException]:
    """Load what the receivers get, in one query per model; for each an attempt, or why there is none.

    Objects are the attempt's own, and as they are now. Raises `DatabaseError` if the database does not answer.
    """
    decoded = [_decoded(assignment) for assignment in assignments]
    wanted = [_wanted(one) if isinstance(one, Event) else set() for one in decoded]
    objects = loading.load(wanted)
    return [
        _attempt(assignment, event, own if some else None) if isinstance(event, Event) else event
        for assignment, event, some, own in zip(assignments, decoded, wanted, objects, strict=True)
    ]


def prepare_at_once(assignment: Assignment) -> Attempt | BaseException | None:
    """The attempt, or why there is none, where no database is needed for it, nor much time; else `None`."""
    stored = assignment.claim.event
    if isinstance(stored, HandedEvent):
        return _attempt(assignment, stored.event)
    if len(stored.arguments) + len(stored.context) > _LONGEST_AT_ONCE or mentions_objects(stored):
        return None
    event = _decoded(assignment)
    return _attempt(assignment, event) if isinstance(event, Event) else event


def _wanted(event: Event) -> set[Reference]:
    return references([event.arguments, event.user, event.context, event.sender])


def _decoded(assignment: Assignment) -> Event | Exception:
    stored = assignment.claim.event
    if isinstance(stored, HandedEvent):
        return stored.event
    try:
        return decode_event(stored, assignment.claim.attempt)
    except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this delivery only
        return error


def _attempt(assignment: Assignment, event: Event, objects: Mapping[Any, Any] | None = None) -> Attempt | BaseException:
    try:
        if objects is not None:
            event = event.copied(
                arguments=resolved(event.arguments, objects),
                sender=resolved(event.sender, objects),
                user=resolved(event.user, objects),
                context=resolved(event.context, objects),
            )
        return Attempt(assignment, event, assignment.receiver.arguments_for(event))
    except KeyError as error:
        missing = error.args[0]
        return Gone(f"{missing.model} {missing.key} is gone.")
    except Exception as error:  # noqa: BLE001 - such as a dialect's
        return error


def time_limit(receiver: Receiver) -> float:
    """Seconds that one attempt may take."""
    return settings.EVENT_TIMEOUT if receiver.timeout is None else receiver.timeout


def is_transactional(receiver: Receiver) -> bool:
    """Whether the receiver commits together with its acknowledgement."""
    if receiver.is_async or not receiver.durable:
        return False
    return connection.vendor == "postgresql" if receiver.transactional is None else receiver.transactional


async def run_async(attempt: Attempt) -> BaseException | None:
    """Await an `async def` receiver, for as long as it takes; its error, if any."""
    try:
        with around.attempts(attempt), caused_by(attempt.event):
            try:
                await attempt.receiver.acall(**attempt.arguments)
            except asyncio.CancelledError:
                if attempt.is_late:
                    raise TimedOut(f"It took longer than {time_limit(attempt.receiver):g} seconds.") from None
                raise
    except KeyboardInterrupt:  # the loop's own business
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this attempt and nothing else
        return error
    return None


async def run_async_in_time(attempt: Attempt) -> BaseException | None:
    """Await an `async def` receiver for as long as it may take; its error, if any."""
    expiry = asyncio.get_running_loop().call_later(
        time_limit(attempt.receiver), expire, attempt, asyncio.current_task()
    )
    try:
        return await run_async(attempt)
    finally:
        expiry.cancel()


def expire(attempt: Attempt, task: asyncio.Task[Any] | None) -> None:
    """Its time is over: cancel the task in which it is awaited."""
    attempt.is_late = True
    if task is not None:
        task.cancel()


def run_in_thread(attempt: Attempt) -> BaseException | None:
    """Call a `def` receiver on this thread; its error, if any.

    A transactional one is acknowledged last in its transaction: first would keep its row locked all the while. Where it
    has none, for it asked the database for nothing, it is acknowledged as others are: by whoever called this.
    """
    try:
        with around.attempts(attempt), caused_by(attempt.event):
            if is_transactional(attempt.receiver):
                attempt.is_settled = _call_and_acknowledge(attempt)
            else:
                _call(attempt)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this attempt, and not the thread
        return error
    return None


def _call(attempt: Attempt) -> None:
    refuse_awaitable(attempt.receiver.call(**attempt.arguments), attempt.receiver.name)


def _call_and_acknowledge(attempt: Attempt) -> bool:
    """Whether there was anything to commit, and the acknowledgement with it."""
    with transaction.atomic():
        with emissions(user=attempt.event.user):
            with FirstCursor() as first:
                _call(attempt)
            if first.was_made and is_ended():  # it begins with the first statement only
                logger.warning(
                    "%s ended its transaction itself: it may be repeated after a crash.", attempt.receiver.name
                )
            if is_aborted():
                raise ReceiverFailed(f"{attempt.receiver.name} hides a database error: what it did is undone.")
        database = transaction.get_connection()
        together = is_open(database) or bool(database.run_on_commit)
        if together and not settle([delivered(attempt.assignment)]):
            raise Lost(f"{attempt.receiver.name}: another process has this delivery by now.")
    return together


_WITHOUT_A_ROW: Final = Result(fence=Fence(0, 0), state=State.DELIVERED)


def delivered(assignment: Assignment) -> Result:
    """It went well."""
    return Result(fence=assignment.claim.fence, state=State.DELIVERED)


def released(claim: Claim, *, uncounted: bool, delay: float | None = None) -> Result:
    """It did not take place, or not to its end, and is for somebody else to do."""
    return Result(fence=claim.fence, state=State.WAITING, delay=delay, uncounted=uncounted)


def decide(assignment: Assignment, error: BaseException | None) -> Result:
    """What becomes of a delivery whose attempt ended like this."""
    if error is None:
        return delivered(assignment) if assignment.is_durable else _WITHOUT_A_ROW
    try:
        return _decide(assignment, error)
    except Exception as broken:  # noqa: BLE001 - an error of the receiver's own making that cannot be told or asked
        return _decide(assignment, broken)


def _decide(assignment: Assignment, error: BaseException) -> Result:
    result = partial(Result, fence=assignment.claim.fence, error=described(error))
    if isinstance(error, Discard | Gone):
        return result(state=State.DISCARDED, error=_storable(str(error)))
    retry = assignment.receiver.retry or DEFAULT
    if not retry.is_exhausted(assignment.claim.attempt):
        pause = max(error.seconds, 0) if isinstance(error, RetryAfter) else retry.pause(assignment.claim.attempt)
        return result(state=State.WAITING, delay=pause)
    holds = assignment.receiver.on_exhausted == "hold"
    return result(state=State.HELD if holds else State.FAILED)


def described(error: BaseException) -> str:
    """The traceback as a person wants to see it."""
    text = _storable("".join(traceback.format_exception(error)))
    return text if len(text) <= _LONGEST_ERROR else f"{text[: _LONGEST_ERROR // 2]}\n…\n{text[-_LONGEST_ERROR // 2 :]}"


def _storable(text: str) -> str:
    """Without NUL, which PostgreSQL cannot keep in a text, and without halves of characters, which nobody can."""
    return text.replace("\0", "\\0").encode(errors="backslashreplace").decode()


def is_unreachable(error: BaseException) -> bool:
    """Whether the database itself is away, which is no fault of what was asked."""
    return isinstance(error, DatabaseError | InterfaceError) and (
        connection.connection is None or not connection.is_usable()
    )


def now() -> float:
    """The wall clock in seconds, for durations that cross processes."""
    return time.time()
