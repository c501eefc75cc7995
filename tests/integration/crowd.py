"""Many clients who do something at the same moment, each in a thread with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection

SECONDS = 60


class Crowd:
    """Threads that start things at the same moment, each with a connection of its own."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size)
        self._size = size

    def do(self, deeds: Sequence[Callable[[], Any]]) -> list[Any]:
        """What each deed returned or raised."""
        start = threading.Barrier(len(deeds))

        def perform(deed: Callable[[], Any]) -> Any:
            start.wait(SECONDS)
            try:
                return deed()
            except Exception as error:  # noqa: BLE001 - whatever came out is looked at
                return error

        return [future.result(SECONDS) for future in [self._pool.submit(perform, deed) for deed in deeds]]

    def close(self) -> None:
        """Close all connections."""
        gate = threading.Barrier(self._size)

        def leave() -> None:
            gate.wait(SECONDS)
            connection.close()

        for future in [self._pool.submit(leave) for _ in range(self._size)]:
            future.result(SECONDS)
        self._pool.shutdown()


@contextmanager
def crowd(size: int) -> Iterator[Crowd]:
    """A crowd that leaves at the end."""
    people = Crowd(size)
    try:
        yield people
    finally:
        people.close()
