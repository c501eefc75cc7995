"""`manage.py work_events`: a process that only delivers. How it does that is the worker's business."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from caluma_async.errors import Misconfigured
from caluma_async.events import lifecycle
from caluma_async.events.metrics import Metrics
from caluma_async.events.telemetry import Kind, Told, listeners

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

SHOWN: Final = (Kind.DELIVERED, Kind.RETRIED, Kind.FAILED, Kind.HELD, Kind.DISCARDED)


class Command(BaseCommand):
    """Delivers until it is told to stop, or until nothing is due."""

    help = "Deliver what is due, until SIGTERM or Ctrl-C; a second one does not wait for what runs."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long, and what it says meanwhile."""
        parser.add_argument("--once", action="store_true", help="end when nothing is due any more")
        parser.add_argument(
            "--every",
            type=float,
            default=10.0,
            metavar="SECONDS",
            help="seconds between lines about what was done (default: 10)",
        )
        parser.add_argument("--metrics-port", type=int, metavar="PORT", help="show Prometheus' metrics on this port")

    def handle(self, *, once: bool, every: float, metrics_port: int | None, **options: Any) -> None:
        """Deliver."""
        if metrics_port is not None:
            _show_metrics(metrics_port)
        counted: Counter[Kind] = Counter()
        with _counting(counted):
            asyncio.run(self._work(once, every, counted))
        self._say(_summary(counted))

    async def _work(self, once: bool, every: float, counted: Counter[Kind]) -> None:
        stop = asyncio.Event()
        with _told_to_stop(stop):
            if not once:
                self._say("Delivering. Stop with Ctrl-C.")
            parts = [asyncio.create_task(stop.wait()), asyncio.create_task(_deliver(once))]
            telling = asyncio.create_task(self._tell(every, counted))
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for task in (*parts, telling):
                task.cancel()
            if stop.is_set():
                self._say("Stopping: what runs is finished first.")
        await lifecycle.stop()
        for task in done:
            await task

    async def _tell(self, every: float, counted: Counter[Kind]) -> None:
        """A line now and then, if something was done."""
        told = 0
        while True:
            await asyncio.sleep(every)
            if told != counted.total():
                told = counted.total()
                self._say(_summary(counted))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


async def _deliver(once: bool) -> None:
    """Until nothing is due; or for ever."""
    await lifecycle.start_worker()
    worker = lifecycle.queue.worker
    if worker is not None and once:
        await worker.until_nothing_is_due()
    else:
        await asyncio.Event().wait()


@contextmanager
def _counting(counted: Counter[Kind]) -> Iterator[None]:
    def hear(told: Told) -> None:
        if told.kind in SHOWN:
            counted[told.kind] += told.number

    listeners.append(hear)
    try:
        yield
    finally:
        listeners.remove(hear)


@contextmanager
def _told_to_stop(stop: asyncio.Event) -> Iterator[None]:
    """A first signal sets the event; the next one does what it always does."""
    loop = asyncio.get_running_loop()
    usual = {number: signal.getsignal(number) for number in STOPPING}

    def give_back() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def hear(number: int, frame: object) -> None:
        give_back()
        loop.call_soon_threadsafe(stop.set)

    for number in STOPPING:
        signal.signal(number, hear)
    try:
        yield
    finally:
        give_back()


def _summary(counted: Counter[Kind]) -> str:
    return ", ".join(f"{kind.value} {counted[kind]}" for kind in SHOWN if counted[kind] or kind is Kind.DELIVERED)


def _show_metrics(port: int) -> None:
    try:
        metrics = Metrics()
        metrics.serve(port)
    except Misconfigured as error:
        raise CommandError(error.message) from error
    except (OSError, OverflowError) as error:
        raise CommandError(f"Metrics cannot be shown on port {port}: {error}.") from error
    metrics.listen()
