"""A verb is one thing that can be asked of the domain. Its class is what events call `sender`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Generic, TypeVar, cast

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from caluma_async import around
from caluma_async.access import TRUSTED, Access, Deed
from caluma_async.conf import settings
from caluma_async.errors import Busy, InvalidInput, SyncVerbOnEventLoop
from caluma_async.events.emit import emissions, emit
from caluma_async.events.event import EventType
from caluma_async.events.scope import Scope, will_commit
from caluma_async.identity import LONGEST_NAME, User
from caluma_async.verbs import inputs

R = TypeVar("R")
logger = logging.getLogger("caluma_async.verbs")

# PostgreSQL: serialization_failure, deadlock_detected; lock_not_available
_COLLISIONS = {"40001", "40P01"}
_LOCK_TIMEOUT = "55P03"
_BUSY = "Another mutation is working on the same data; try again later."


class Verb(Deed, Generic[R]):
    """One thing that can be asked of the domain: what it needs, what it refuses, what it does, what it emits.

    `data` is the input, in snake_case, with keys for objects. A subclass says how to `load` what it changes, what its
    rules `check` and what it `write`s; `execute` calls these in the one order that holds for all verbs.
    """

    async_twin: ClassVar[str | None] = None
    removes: ClassVar[bool] = False
    """Whether the object that it gives back is gone then."""

    def __init__(self, user: User, *, context: Any = None, access: Access = TRUSTED, **data: Any) -> None:
        self.user = user
        self.context = context
        self.access = access
        self.data = data
        self._scope: Scope | None = None

    @property
    def touched(self) -> bool:
        """Whether blocking receivers ran, which may have done what a repetition would do again."""
        return self._scope is not None and self._scope.receivers_called

    @property
    def overtaken(self) -> bool:
        """Whether blocking receivers had statements carried out, and may have changed more than the verb itself did."""
        return self._scope is not None and self._scope.receivers_asked

    def execute(self) -> R:
        """Permission, lock and load, permission for the object, validation, rules, write: inside the transaction."""
        _refuse_names(self.user)
        self.access.admit(self)
        instance = self.load()
        self.access.permit(self, instance)
        self.data = self.access.validate(self, instance)
        self.check()
        return self.write()

    def perform(self) -> R:
        """Execute once, in a transaction or savepoint, and hand over what was emitted. For `run` only."""
        is_last = will_commit()
        with transaction.atomic(), emissions(user=self.user, is_last=is_last) as self._scope:
            return self.execute()

    def load(self) -> Model | None:
        """Take the lock, then look up what is to be changed; `None` if it is to be created."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse what the rules of the domain do not allow."""

    def write(self) -> R:
        """Do it, and tell about it."""
        raise NotImplementedError

    def emit(self, event: EventType, **arguments: Any) -> bool:
        """Tell about something that this verb does; whether a blocking receiver was called."""
        return emit(event, sender=type(self), user=self.user, context=self.context, **arguments)


def run(verb: Verb[R]) -> R:
    """Run a verb in a transaction of its own, or in a savepoint of the one that is open.

    Raises the errors of `caluma_async.errors`; nothing of the verb is left then.
    """
    _refuse_on_event_loop(verb)
    with around.verbs(verb):
        return _run(verb)


def _run(verb: Verb[R]) -> R:
    outermost = not connection.in_atomic_block
    asked = verb.data
    for repeats_left in range(settings.TRANSACTION_RETRIES, -1, -1):
        verb.data = dict(asked)
        try:
            return verb.perform()
        except DatabaseError as error:
            if _is_lock_timeout(error):
                raise Busy(_BUSY) from error
            if not (outermost and _is_collision(error)):
                raise
            if verb.touched or not repeats_left:
                raise Busy(_BUSY) from error
            logger.info("%s: repeated after %s", type(verb).__name__, type(error.__cause__).__name__)
    raise AssertionError("unreachable: the last repetition returns or raises")


async def arun(verb: Verb[R]) -> R:
    """Run a verb from a coroutine, in the thread (and so in the transaction) that database calls of it use."""
    return cast("R", await sync_to_async(run)(verb))


def _is_collision(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in _COLLISIONS


def _is_lock_timeout(error: DatabaseError) -> bool:
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) == _LOCK_TIMEOUT or getattr(cause, "sqlite_errorname", "") == "SQLITE_BUSY"


def _refuse_names(user: User) -> None:
    """Every row notes who made and who changed it; identity providers know longer names than its columns."""
    for what, name in (("name", user.username), ("group", user.group)):
        if name is not None and (len(str(name)) > LONGEST_NAME or not inputs.is_storable(str(name))):
            raise InvalidInput(
                f"The {what} of the user cannot be noted: it is longer than {LONGEST_NAME} characters, or has one that "
                f"cannot be stored (NUL, or half of a surrogate pair)."
            )


def _refuse_on_event_loop(verb: Verb[Any]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    name = type(verb).__name__
    twin = f"`await {verb.async_twin}(…)`" if verb.async_twin else "its async twin (the same name with an `a` in front)"
    raise SyncVerbOnEventLoop(f"{name} was called synchronously on the event loop's thread; use {twin} there.")
