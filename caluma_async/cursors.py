"""Notices that a connection is about to be used: whatever goes through Django begins with a cursor."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from django.db import transaction

_METHOD: Final = "_cursor"
"""Django's connections make every cursor by this method, those for savepoints included."""


class FirstCursor:
    """Waits for the first cursor of this thread's connection in the block, and calls `then` before it is made.

    `was_made` says whether there was one. Whoever uses the driver's own connection goes unnoticed.
    """

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.was_made = False
        self._then = then
        self._database: Any = None
        self._outer: Any = None

    def __enter__(self) -> Self:
        self._database = transaction.get_connection()
        self._outer = vars(self._database).get(_METHOD)
        setattr(self._database, _METHOD, self._make)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if vars(self._database).get(_METHOD) == self._make:
            self._restore()

    def _make(self, *args: Any, **kwargs: Any) -> Any:
        self._restore()
        self.was_made = True
        self._then()
        return self._database._cursor(*args, **kwargs)  # whoever waits further out notices it, too

    def _restore(self) -> None:
        if self._outer is None:
            delattr(self._database, _METHOD)
        else:
            setattr(self._database, _METHOD, self._outer)


def announce(database: Any) -> None:
    """Somebody is going to send something without a cursor of Django's."""
    if _METHOD in vars(database):
        database.cursor().close()
