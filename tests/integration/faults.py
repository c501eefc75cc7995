"""Statements that fail, one at a time: before they are carried out, or after, so that nobody learns that they were."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import IntegrityError, InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

REFUSED: Final = "refused"
FORBIDDEN: Final = "forbidden"
CUT_BEFORE: Final = "cut before"
UNANSWERED: Final = "unanswered"
CUT_AFTER: Final = "cut after"
UNUSABLE: Final = "unusable"
HOW: Final = (REFUSED, FORBIDDEN, UNUSABLE, CUT_BEFORE, UNANSWERED, CUT_AFTER)
"""The database refuses it, or says it is against a rule; the driver finds no use for its connection; that breaks before
it; it is carried out, and an error, or no answer at all, comes back."""

_ERRORS: Final = {FORBIDDEN: IntegrityError, UNUSABLE: InterfaceError}

LOSSES: Final = (CUT_BEFORE, CUT_AFTER)


class Faults:
    """Counts the statements and commits of threads whose name begins like this, and spoils the one at `position`."""

    def __init__(self, thread: str, position: int, how: str) -> None:
        self.thread = thread
        self.position = position
        self.how = how
        self.seen = 0
        self.hit = threading.Event()

    def around(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """For `execute_wrappers`."""
        return self.spoil(context["connection"], lambda: execute(sql, params, many, context))

    def spoil(self, connection: Any, action: Callable[[], Any]) -> Any:
        """Do it, or not."""
        if not threading.current_thread().name.startswith(self.thread):
            return action()
        self.seen += 1
        if self.seen != self.position:
            return action()
        self.hit.set()
        if self.how in (UNANSWERED, CUT_AFTER):
            action()
        elif self.how not in LOSSES:
            _abort(connection)
        if self.how in LOSSES:
            connection.connection.close()
        raise _ERRORS.get(self.how, OperationalError)(f"injected: {self.how}")

    def install(self, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        """Watch a connection; it may come here whenever it is opened again."""
        connection.execute_wrappers[:] = [self.around]


def _abort(connection: Any) -> None:
    """What an error means for a transaction on PostgreSQL."""
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        try:
            connection.connection.execute("SELECT injected")
        except psycopg.Error:
            return


@contextmanager
def injected(thread: str, position: int, how: str) -> Iterator[Faults]:
    """Spoil one statement or commit of all that new connections are asked for in the block."""
    faults, commit = Faults(thread, position, how), BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def committing(self: Any) -> Any:
        return faults.spoil(self, lambda: commit(self))

    BaseDatabaseWrapper._commit = committing  # type: ignore[attr-defined]
    connection_created.connect(faults.install)
    try:
        yield faults
    finally:
        connection_created.disconnect(faults.install)
        BaseDatabaseWrapper._commit = commit  # type: ignore[attr-defined]
