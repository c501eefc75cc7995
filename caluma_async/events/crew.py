"""Threads with a database connection each. They end with the process: one that is stuck holds nobody up."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from caluma_async.connections import KeptConnections

P = ParamSpec("P")
R = TypeVar("R")

_Job = Callable[[], None]


class Desk(Executor):
    """One thread that does one thing after the other.

    `concurrent.futures` waits for its threads when the interpreter ends, however long that takes; this does not.
    """

    def __init__(self, name: str, kept: KeptConnections) -> None:
        self.name = name
        self.kept = kept
        self.users = 0
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Do this when everything before it is done."""
        future: Future[R] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it
                future.set_exception(error)
            else:
                future.set_result(result)

        self.post(job)
        return future

    def post(self, job: _Job) -> None:
        """Do this when everything before it is done, and tell nobody. It must not raise."""
        self._jobs.put(job)
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
                    self._thread.start()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread when everything so far is done."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._jobs.put(None)
            if wait:
                thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            with self.kept.unit():
                contextvars.Context().run(job)


class Crew:
    """Up to `size` desks, made when they are needed."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.kept = KeptConnections()
        self._desks: list[Desk] = []
        self._lock = threading.Lock()

    def take(self) -> Desk:
        """The desk that the fewest use; a new one rather than one in use."""
        with self._lock:
            desk = min(self._desks, key=lambda desk: desk.users, default=None)
            if desk is None or (desk.users and len(self._desks) < self.size):
                desk = Desk(f"{self.name}-{len(self._desks)}", self.kept)
                self._desks.append(desk)
            desk.users += 1
            return desk

    def give(self, desk: Desk) -> None:
        """Say that one user less needs the desk."""
        with self._lock:
            desk.users -= 1

    def close(self) -> None:
        """End all desks that nobody uses, and close the connections. One that is stuck ends with the process."""
        with self._lock:
            desks, self._desks = self._desks, []
        for desk in desks:
            desk.shutdown(wait=not desk.users)
        self.kept.close()


class OwnDesk(Executor):
    """The thread of one delivery for its database calls: chosen at the first one, kept to the last."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._desk: Desk | None = None

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Do this in the delivery's thread."""
        if self._desk is None:
            self._desk = self._crew.take()
        return self._desk.submit(fn, *args, **kwargs)

    def enter(self) -> ThreadSensitiveContext:
        """Have the running task's database calls come here: what `async with` does, where there is nothing to hide.

        In a context that is empty to begin with no other executor is inherited. asgiref looks for one in ways that
        take longer than all that a short delivery does besides.
        """
        here = ThreadSensitiveContext(executor=self)
        SyncToAsync.thread_sensitive_context.set(here)
        SyncToAsync.context_to_thread_executor[here] = self
        return here

    def leave(self, here: ThreadSensitiveContext) -> None:
        """The delivery is over: tasks that outlive it may make no calls any more."""
        del SyncToAsync.context_to_thread_executor[here]
        here._exited = True
        if self._desk is not None:
            self._crew.give(self._desk)
