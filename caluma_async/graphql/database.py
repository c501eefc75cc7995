"""All database work of the GraphQL door: one function over a few threads, each of which keeps a connection.

The language and every other context variable of the caller hold in the thread.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async

from caluma_async.conf import settings
from caluma_async.connections import KeptConnections

P = ParamSpec("P")
R = TypeVar("R")
Hop = Callable[..., Awaitable[Any]]


class Threads:
    """The threads of one process that do database work for requests; started when first asked, safe to close twice."""

    def __init__(self, setting: str = "GRAPHQL_THREADS") -> None:
        self._setting = setting
        self._connections = KeptConnections()
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._hop: Hop | None = None

    def hop(self) -> Hop:
        """The way into one of the threads."""
        return self._hop or self._start()

    def close(self) -> None:
        """Wait for what is under way, then end the threads and their connections. Not on an event loop's thread."""
        with self._lock:
            executor, self._executor, self._hop = self._executor, None, None
        if executor is not None:
            executor.shutdown(wait=True)
        self._connections.close()

    def _start(self) -> Hop:
        with self._lock:
            if self._hop is None:
                self._executor = ThreadPoolExecutor(getattr(settings, self._setting), thread_name_prefix="graphql")
                self._hop = sync_to_async(self._unit, thread_sensitive=False, executor=self._executor)
            return self._hop

    def _unit(self, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        with self._connections.unit():
            return function(*args, **kwargs)


threads = Threads()
live_threads = Threads("LIVE_THREADS")
"""For what subscribers are shown: they do not stand in line with requests."""

_ways: list[Hop] = []
_own: ContextVar[Threads] = ContextVar("threads", default=threads)


def use_live_threads() -> None:
    """Let the database work of this task, and of those that it starts, be done by the threads for subscribers."""
    _own.set(live_threads)


async def orm(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that uses the database in one of our threads, and give back what it returns.

    Not for receivers: one that waits here, inside a verb, holds one thread while it waits for another.
    """
    hop = _ways[-1] if _ways else _own.get().hop()
    return cast("R", await hop(function, *args, **kwargs))


@contextmanager
def on_callers_thread() -> Iterator[None]:
    """Do database work where Django's own async functions do it: for tests that live in one transaction.

    Under `async_to_sync` that is the thread of the test, whose connection and transaction the work then shares.
    """
    _ways.append(sync_to_async(_call))
    try:
        yield
    finally:
        _ways.pop()


def _call(function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    return function(*args, **kwargs)
