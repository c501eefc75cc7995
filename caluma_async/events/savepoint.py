"""A savepoint that is set before the first statement in it, and not at all if there is none.

Most blocking receivers look at what they are given and find that it does not concern them.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError, Error, transaction
from psycopg.pq import TransactionStatus

from caluma_async.cursors import FirstCursor


class LazySavepoint:
    """Undoes what was done in the block if that fails; must stand in a transaction."""

    def __init__(self) -> None:
        self._first = FirstCursor(self._set)
        self._database: Any = None
        self._key = ""
        self._was_open = False
        self._was_doomed = False

    @property
    def is_set(self) -> bool:
        """Whether a statement was carried out in it."""
        return self._first.was_made

    def __enter__(self) -> Self:
        self._database = database = transaction.get_connection()
        database.savepoint_state += 1
        self._key = f"caluma_x{database.savepoint_state}"
        database.savepoint_ids.append(self._key)
        self._was_open, self._was_doomed = is_open(database), database.needs_rollback
        self._first.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._first.__exit__(kind, error, traceback)
        database = self._database
        database.savepoint_ids.pop()
        if database.closed_in_transaction:  # whoever is outermost tells
            return
        if error is not None or database.needs_rollback:
            database.needs_rollback = self._was_doomed  # what was doomed around the savepoint still is
            self._undo()
        elif self.is_set:
            self._keep()
        elif self._was_open and not is_open(database):
            raise EndedWithin

    def _set(self) -> None:
        self._database._savepoint(self._key)  # this makes a cursor: those around it are set before it

    def _keep(self) -> None:
        try:
            self._database.savepoint_commit(self._key)
        except DatabaseError:
            self._undo()
            raise

    def _undo(self) -> None:
        database = self._database
        if not self.is_set:
            kept = [entry for entry in database.run_on_commit if self._key not in entry[0]]
            database.run_on_commit = kept
            return
        try:
            database.savepoint_rollback(self._key)
            database.savepoint_commit(self._key)
        except Error:
            database.needs_rollback = True


class EndedWithin(DatabaseError):
    """The transaction was ended by what should have been a part of it."""


def is_open(database: Any) -> bool:
    """Whether the server, not only Django, has begun a transaction."""
    if database.connection is None:
        return False
    if database.vendor != "postgresql":
        return bool(database.connection.in_transaction)
    return bool(database.connection.pgconn.transaction_status != TransactionStatus.IDLE)
