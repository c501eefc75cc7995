"""Keeping what is in hand, from a thread of its own: a blocked event loop loses no lease, and is noticed.

Nothing is claimed or given back here.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connection

from caluma_async.conf import settings
from caluma_async.connections import KeptConnections
from caluma_async.events import outbox
from caluma_async.events.outbox import Fence
from caluma_async.events.outbox.upkeep import OWNER_LOCKS
from caluma_async.events.rounds import call_on
from caluma_async.events.telemetry import Kind, Told, tell
from caluma_async.prepared import sessions_are_ours

_GLANCE: Final = 0.25
_RETRY: Final = 0.2


class Keeper:
    """The thread that extends leases, proves that this process lives, and watches the event loop.

    `held` gives what is in hand; `wakes` says what is called when somebody announces something on a channel.
    """

    def __init__(self, held: Callable[[], Sequence[Fence]], wakes: Mapping[str, Callable[[], None]]) -> None:
        self.owner = _any_owner()
        self._held = held
        self._wakes = wakes
        self._kept = KeptConnections()
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="caluma-keeper", daemon=True)
        self._session: Any = None
        self._extended = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._beat = time.monotonic()
        self._warned = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; call it on the loop's thread."""
        self._loop, self._loop_thread = loop, threading.get_ident()
        self._thread.start()

    def wait_until_ready(self) -> None:
        """Block until the process counts as alive."""
        self._ready.wait()

    def stop(self) -> None:
        """Let go of the lock: what is still in hand is free at once. Blocks for a moment."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        with self._kept.unit():
            while not self._is_over():
                try:
                    self._prove_life()
                    self._extend_if_due()
                    self._listen()
                except (DatabaseError, InterfaceError) as error:
                    tell(Told(kind=Kind.STUMBLED, error=error, reason="keeping leases"))
                    connection.close()
                    self._stopping.wait(_RETRY)
                self._watch_loop()
        self._kept.close()
        self._ready.set()

    def _is_over(self) -> bool:
        """Whether the process stops, or its loop has ended without saying so."""
        return self._stopping.is_set() or (self._loop is not None and self._loop.is_closed())

    def _prove_life(self) -> None:
        """Hold the lock of this process's number, as long as the session lives; a negative number promises none.

        While the server has not noticed that an earlier session is dead, that one still speaks for us.
        """
        if not sessions_are_ours():
            self.owner = -abs(self.owner)
            self._ready.set()
            return
        connection.ensure_connection()
        if self._session is connection.connection:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [OWNER_LOCKS, self.owner])
            if cursor.fetchone()[0]:
                for channel in self._wakes:
                    cursor.execute(f'LISTEN "{channel}"')
                if self._session is not None:
                    tell(Told(kind=Kind.RESUMED, reason="proving that this process lives"))
                self._session = connection.connection
                self._ready.set()
            elif not self._ready.is_set():
                self.owner = _any_owner()

    def _extend_if_due(self) -> None:
        now = time.monotonic()
        if now - self._extended < settings.EVENT_LEASE / 3:
            return
        held = self._held()
        outbox.extend(held, settings.EVENT_LEASE)
        self._extended = now
        if held:
            tell(Told(kind=Kind.EXTENDED, number=len(held)))

    def _listen(self) -> None:
        """Wait a moment; pass on what other processes announce."""
        if self._session is None or self._session is not connection.connection:
            self._stopping.wait(_GLANCE if self._ready.is_set() else 0)
            return
        with connection.wrap_database_errors:
            channels = {heard.channel for heard in self._session.notifies(timeout=_GLANCE, stop_after=1)}
        for channel in channels:
            self._wakes[channel]()

    def _watch_loop(self) -> None:
        """Warn if the loop has not come round for longer than a receiver should take; name what it is doing."""
        if self._loop is None or not self._held():
            self._beat = time.monotonic()
            return
        blocked = time.monotonic() - self._beat
        if blocked > settings.EVENT_SLOW_RECEIVER + _GLANCE:
            if not self._warned:
                self._warned = True
                self._warn(self._loop, blocked)
        else:
            self._warned = False
        call_on(self._loop, self._came_round)

    def _came_round(self) -> None:
        self._beat = time.monotonic()

    def _warn(self, loop: asyncio.AbstractEventLoop, blocked: float) -> None:
        task = asyncio.current_task(loop)
        frame = sys._current_frames().get(self._loop_thread)
        name = task.get_name() if task is not None else ""
        tell(Told(kind=Kind.BLOCKED, receiver=name, seconds=blocked, reason=_where(frame)))


def _where(frame: FrameType | None) -> str:
    return "".join(traceback.format_stack(frame, limit=8)) if frame is not None else ""


def _any_owner() -> int:
    return random.SystemRandom().randint(1, 2**31 - 1)
