"""Carries deliveries on an event loop of this process: the server's, or, without one, a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from caluma_async.conf import settings
from caluma_async.events import outbox
from caluma_async.events.carriers.base import InHand, Source, Waiting
from caluma_async.events.outbox import Claim
from caluma_async.events.receiver import Receiver
from caluma_async.events.worker import Worker


class AsyncioQueue:
    """The worker of this process. `start` makes it the server's; else the first delivery starts one for its own."""

    enlists = False

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._thread: LoopThread | None = None
        self._lock = threading.Lock()

    @property
    def worker(self) -> Worker | None:
        """The one that runs, if one does."""
        return self._worker

    @property
    def owner(self) -> int | None:
        """As whom deliveries may be recorded in hand."""
        worker = self._worker
        return worker.hand.owner if worker is not None and worker.is_running else None

    def reserve(self, receiver: Receiver) -> bool:
        """Take a place."""
        worker = self._worker
        return worker is not None and worker.reserve(receiver)

    def give_back(self, receiver: Receiver) -> None:
        """Give a place back."""
        if self._worker is not None:
            self._worker.give_back(receiver)

    def enlist(self, waiting: Sequence[Waiting]) -> None:
        """The rows are enough."""

    def carry(self, in_hand: Sequence[InHand], waiting: Sequence[Waiting]) -> None:
        """Hand over to the worker; without one, and where another process delivers, tell that one."""
        worker = self._running()
        if worker is not None:
            worker.carry(in_hand, waiting)
        elif waiting:
            outbox.announce()

    def carry_loose(self, claims: Sequence[Claim]) -> None:
        """Hand over to the worker, in any case: no other process can know of them."""
        (self._running() or self._start_thread()).carry_loose(claims)

    async def start(self, source: Source | None = None) -> None:
        """Deliver on this loop from now on, also what others left behind, and what a source names."""
        worker = Worker(source=source)
        await worker.start()
        with self._lock:
            self._worker, thread, self._thread = worker, self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, thread.stop, 0.0)

    async def stop(self, drain: float | None = None) -> None:
        """Drain; see `Worker.stop`."""
        worker = self._worker
        if worker is not None and self._thread is None:
            await worker.stop(drain)
            self._worker = None

    def drain(self, seconds: float | None = None) -> None:
        """Wait until what this process emitted is delivered, if it has a loop in a thread; then end that."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop(settings.EVENT_DRAIN if seconds is None else seconds)
            self._worker = None

    def forget(self) -> None:
        """After a fork: the worker stayed behind in the parent."""
        self.__init__()  # type: ignore[misc]

    def _running(self) -> Worker | None:
        if self._worker is not None or not settings.EVENT_DELIVERS:
            return self._worker
        return self._start_thread()

    def _start_thread(self) -> Worker:
        with self._lock:
            if self._worker is None:
                self._thread = LoopThread()
                self._worker = self._thread.worker
            return self._worker


class LoopThread:
    """An event loop in a thread, and a worker on it for what this process emits. It ends with the process."""

    def __init__(self) -> None:
        self.worker = Worker(own_only=True)
        self._ended: Future[None] = Future()
        self._stop: Future[float] = Future()
        threading.Thread(target=self._run, name="caluma-loop", daemon=True).start()

    def stop(self, drain: float) -> None:
        """Let it finish what is in hand or due, for up to `drain` seconds, and end. Blocks."""
        if not self._stop.done():
            self._stop.set_result(drain)
        self._ended.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the end is told
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _live(self) -> None:
        await self.worker.start()
        drain = await asyncio.wrap_future(self._stop)
        await self.worker.finish_own(drain)
        await self.worker.stop(0)
