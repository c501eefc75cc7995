"""A verb is one thing that can be asked of the domain. Its class is what events call `sender`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Generic, TypeVar, cast

from asgiref.sync import sync_to_async
from django.db import DatabaseError, Model, connection, transaction

from caluma_async.access import TRUSTED, Access
from caluma_async.conf import settings
from caluma_async.errors import SyncVerbOnEventLoop
from caluma_async.events.emit import emit, emissions
from caluma_async.events.event import EventType
from caluma_async.identity import User

R = TypeVar("R")
logger = logging.getLogger("caluma_async.verbs")

# PostgreSQL: serialization_failure, deadlock_detected
_REPEATABLE_STATES = {"40001", "40P01"}


class Verb(Generic[R]):
    """One thing that can be asked of the domain: what it needs, what it refuses, what it does, what it emits.

    `data` is the input, in snake_case, with keys for objects. A subclass says how to `load` what it changes, what its
    rules `check` and what it `write`s; `execute` calls these in the one order that holds for all verbs.
    """

    async_twin: ClassVar[str | None] = None

    def __init__(self, user: User, *, context: Any = None, access: Access = TRUSTED, **data: Any) -> None:
        self.user = user
        self.context = context
        self.access = access
        self.data = data
        self.touched = False
        """Whether blocking receivers ran, which may have changed more than the verb itself did."""

    def execute(self) -> R:
        """Lock and load, permission, validation, rules, write: inside the transaction."""
        instance = self.load()
        self.access.permit(type(self), self.user, self.data, instance)
        self.data = self.access.validate(type(self), self.user, self.data, instance)
        self.check()
        return self.write()

    def load(self) -> Model | None:
        """Take the lock, then look up what is to be changed; `None` if it is to be created."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse what the rules of the domain do not allow."""

    def write(self) -> R:
        """Do it, and tell about it."""
        raise NotImplementedError

    def emit(self, event: EventType, **arguments: Any) -> None:
        """Tell about something that this verb does."""
        emit(event, sender=type(self), user=self.user, context=self.context, **arguments)


def run(verb: Verb[R]) -> R:
    """Run a verb in a transaction of its own, or in a savepoint of the one that is open.

    Raises the errors of `caluma_async.errors`; nothing of the verb is left then.
    """
    _refuse_on_event_loop(verb)
    outermost = not connection.in_atomic_block
    for repeats_left in range(settings.TRANSACTION_RETRIES, -1, -1):
        try:
            with transaction.atomic(), emissions() as scope:
                try:
                    return verb.execute()
                finally:
                    verb.touched = scope.receivers_called
        except DatabaseError as error:
            if not (outermost and repeats_left and not verb.touched and _may_be_repeated(error)):
                raise
            logger.info("%s: repeated after %s", type(verb).__name__, type(error.__cause__).__name__)
    raise AssertionError("unreachable: the last repetition returns or raises")


async def arun(verb: Verb[R]) -> R:
    """Run a verb from a coroutine, in the thread (and so in the transaction) that database calls of it use."""
    return cast(R, await sync_to_async(run)(verb))


def _may_be_repeated(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in _REPEATABLE_STATES


def _refuse_on_event_loop(verb: Verb[Any]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    name = type(verb).__name__
    twin = f"`await {verb.async_twin}(…)`" if verb.async_twin else "its async twin (the same name with an `a` in front)"
    raise SyncVerbOnEventLoop(f"{name} was called synchronously on the event loop's thread; use {twin} there.")
