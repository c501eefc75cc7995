"""Running one blocking receiver: in its own savepoint, inside the transaction of what emitted the event."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.db import DatabaseError, connection, transaction
from psycopg.pq import TransactionStatus

from caluma_async.conf import settings
from caluma_async.errors import ReceiverFailed
from caluma_async.events.calling import refuse_awaitable
from caluma_async.events.event import Event
from caluma_async.events.receiver import Receiver
from caluma_async.events.savepoint import EndedWithin, LazySavepoint, is_open
from caluma_async.events.scope import caused_by, current_scope, emissions

logger = logging.getLogger("caluma_async.events")

FATAL_STATES: Final = ("40001", "40P01", "08", "57P0")
"""How the SQLSTATE begins after which a transaction cannot go on: serialization failure, deadlock, lost connection."""


def wanted(receiver: Receiver, given: Mapping[str, Any]) -> bool:
    """Ask the receiver's filters, outside any savepoint.

    Raises what a filter raises. A database error in it, also one that it hides, leaves no transaction to go on with.
    """
    if not receiver.filters:
        return True
    error: Exception | None = None
    try:
        answer = all(condition.holds(given) for condition in receiver.filters)
    except DatabaseError:
        raise
    except Exception as raised:  # noqa: BLE001 - raised below, unless there is a reason to raise more
        answer, error = False, raised
    if connection.in_atomic_block and is_aborted():
        raise DatabaseError(f"{receiver.name}: a database error in its filter ended the transaction.") from error
    if error is not None:
        raise error
    return answer


def run(receiver: Receiver, event: Event, arguments: Mapping[str, Any]) -> tuple[Any, Exception | None]:
    """Call the receiver; what it returned, and the error for which it was undone.

    Raises errors that end the transaction: deadlock, serialization failure, lost connection, a receiver's own COMMIT.
    """
    savepoint, failure = LazySavepoint(), None
    result: Any = None
    try:
        with _watch(receiver, event), savepoint, emissions(), caused_by(event):
            result = _call(receiver, arguments)
            if is_aborted():
                raise ReceiverFailed(f"{receiver.name} hides a database error: what it did is undone.")
    except concurrent.futures.CancelledError:
        raise
    except Exception as error:
        if _lacks_savepoint(error):
            raise ReceiverFailed(
                f"{receiver.name} ended the transaction itself (COMMIT or ROLLBACK). The mutation ends here; what was "
                f"committed by that stands."
            ) from error
        if _ends_transaction(error):
            raise
        result, failure = None, error
    if savepoint.is_set and (scope := current_scope()) is not None:
        scope.mark_asked()
    return result, failure


def log_failure(receiver: Receiver, event: Event, error: Exception) -> None:
    """Tell about an error with which the mutation goes on."""
    logger.error(
        "%s failed on %s; what it did is undone, and the mutation goes on.",
        receiver.name,
        event.name,
        exc_info=error,
        extra={"event_id": str(event.id), "event": event.name, "receiver": receiver.name},
    )


@contextmanager
def _watch(receiver: Receiver, event: Event) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - started
        if seconds > settings.EVENT_SLOW_RECEIVER:
            logger.warning(
                "%s held %s up for %.1f seconds.",
                receiver.name,
                event.name,
                seconds,
                extra={"event_id": str(event.id), "event": event.name, "receiver": receiver.name},
            )


def _call(receiver: Receiver, arguments: Mapping[str, Any]) -> Any:
    if receiver.is_async:
        return async_to_sync(_await)(receiver, arguments)
    result = receiver.call(**arguments)
    refuse_awaitable(result, receiver.name)
    return result


class _Run:
    """Marks the context of one run, and with it the tasks that were started in it."""


_run: ContextVar[_Run | None] = ContextVar("run", default=None)


async def _await(receiver: Receiver, arguments: Mapping[str, Any]) -> Any:
    """Await the receiver on the request's event loop, and see that it left no task behind."""
    before, this = _run.get(), _Run()
    _run.set(this)
    try:
        return await receiver.acall(**arguments)
    finally:
        _run.set(before)
        _warn_of_tasks(receiver, this)


def _warn_of_tasks(receiver: Receiver, run: _Run) -> None:
    """Warn, no more: a client library that keeps a task for its connections does no harm to the transaction.

    Database calls of a task that is left fail: they would belong into this transaction, which is not theirs any more.
    """
    left = [task for task in asyncio.all_tasks() if not task.done() and _context_of(task).get(_run) is run]
    if left:
        names = ", ".join(sorted(task.get_name() for task in left))
        logger.warning("%s returned before tasks that it started were finished: %s.", receiver.name, names)


def _context_of(task: asyncio.Task[Any]) -> Context:
    if hasattr(task, "get_context"):  # Python 3.12
        found: Context = task.get_context()
        return found
    return next((held for held in gc.get_referents(task) if isinstance(held, Context)), Context())


def is_aborted() -> bool:
    """Whether no statement would be carried out any more: after an error that was caught too early, or a lost one."""
    database = transaction.get_connection()
    if database.needs_rollback:
        return True
    raw = database.connection
    if database.vendor != "postgresql" or raw is None:
        return raw is None
    return raw.pgconn.transaction_status in (TransactionStatus.INERROR, TransactionStatus.UNKNOWN)


def _ends_transaction(error: BaseException) -> bool:
    """Whether what is around the savepoint is lost as well."""
    return is_aborted() or any(_state_of(one).startswith(FATAL_STATES) for one in _chain(error))


def is_ended() -> bool:
    """Whether somebody ended the transaction that is taken to be open (PostgreSQL)."""
    database = transaction.get_connection()
    if database.vendor != "postgresql" or database.connection is None or not database.in_atomic_block:
        return False
    return not is_open(database)


def _lacks_savepoint(error: BaseException) -> bool:
    """Whether the savepoint around a receiver was gone when it returned."""
    return isinstance(error, EndedWithin) or any(
        _state_of(one) == "3B001" or str(one).startswith("no such savepoint") for one in _chain(error)
    )


def _state_of(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from or while, and the members of groups."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        within = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        around = (one.__cause__, None if one.__suppress_context__ else one.__context__)
        waiting += [other for other in (*around, *within) if other is not None]
