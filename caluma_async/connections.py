"""Database connections that a thread keeps between units of work: sound ones stay, dead ones go, no statement is spent.

Django's own way (`CONN_HEALTH_CHECKS`) sends a statement per unit. What the units do is not decided here.
"""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class KeptConnections:
    """The connections of a set of threads, one per thread and database, and the one way to close them all."""

    def __init__(self) -> None:
        self._wrappers: set[BaseDatabaseWrapper] = set()
        self._lock = threading.Lock()

    @contextmanager
    def unit(self) -> Iterator[None]:
        """A unit of work on this thread: it starts on connections that are alive and leaves none behind that is not."""
        release_unsound()
        try:
            yield
        finally:
            release_unsound()
            self._remember()

    def close(self) -> None:
        """Close every connection; call it when the threads have ended. A thread that goes on opens a new one."""
        with self._lock:
            wrappers, self._wrappers = self._wrappers, set()
        for wrapper in wrappers:
            wrapper.inc_thread_sharing()
            try:
                wrapper.close()
            finally:
                wrapper.dec_thread_sharing()

    def _remember(self) -> None:
        opened = set(connections.all(initialized_only=True))
        if not opened <= self._wrappers:
            with self._lock:
                self._wrappers |= opened


def release_unsound() -> None:
    """Close this thread's connections that the server has ended, that are too old or in the middle of something."""
    for wrapper in connections.all(initialized_only=True):
        if wrapper.connection is None or wrapper.in_atomic_block:
            continue
        if _is_sound(wrapper):
            wrapper.errors_occurred = False
        else:
            wrapper.close()


def _is_sound(wrapper: BaseDatabaseWrapper) -> bool:
    if wrapper.autocommit != wrapper.settings_dict["AUTOCOMMIT"]:
        return False
    # an age of 0 is Django's for connections that live for one request; here the thread is what they live for
    if wrapper.settings_dict["CONN_MAX_AGE"] and wrapper.close_at is not None and time.monotonic() >= wrapper.close_at:
        return False
    return wrapper.vendor != "postgresql" or _is_idle(wrapper.connection)


def _is_idle(connection: Any) -> bool:
    """Whether the server has nothing to say: to an idle connection it speaks only to say farewell."""
    if connection.closed or connection.info.transaction_status:
        return False
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return not selector.select(0)
