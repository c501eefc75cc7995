"""What Prometheus is told: a listener that counts, and `/metrics`. Counts nothing that the engine does not tell.

What is in the table is asked for when somebody looks; the rest belongs to the process that is asked.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection

from caluma_async.errors import Misconfigured
from caluma_async.events import outbox
from caluma_async.events.registry import registry
from caluma_async.events.telemetry import Kind, Told, listeners

try:
    import prometheus_client
    from prometheus_client import multiprocess, values
    from prometheus_client.metrics_core import GaugeMetricFamily
except ModuleNotFoundError:  # an extra: whoever does not ask for metrics does not need it
    prometheus_client = None  # type: ignore[assignment]

logger = logging.getLogger("caluma_async.events")

BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

COUNTED: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.RECORDED: ("recorded", "Deliveries that were written down in a transaction that committed."),
    Kind.DELIVERED: ("delivered", "Deliveries whose receiver ran to its end."),
    Kind.RETRIED: ("retried", "Attempts that failed and will be repeated."),
    Kind.FAILED: ("failed", "Deliveries that were given up."),
    Kind.HELD: ("held", "Deliveries that were given up and hold their lane until a person decides."),
    Kind.DISCARDED: ("discarded", "Deliveries that their receiver discarded, or whose object is gone."),
    Kind.RECOVERED: ("recovered", "Deliveries that were taken from a process that died."),
    Kind.LOST: ("lost", "Attempts whose delivery another process had taken over meanwhile."),
    Kind.DROPPED: ("dropped", "Deliveries without a row for which there was no room."),
    Kind.OVERDUE: ("overdue", "Receivers in threads that took longer than they may."),
}
"""What is counted per receiver: the name and its meaning."""


class Metrics:
    """The figures of one process, and the ASGI application that shows them.

    `listen` begins to count. Raises `Misconfigured` if prometheus-client is not installed.
    """

    def __init__(self) -> None:
        if prometheus_client is None:
            raise Misconfigured("Metrics need prometheus-client: install caluma-async[metrics].")
        self._own = prometheus_client.CollectorRegistry()
        self._counters = {kind: self._counter(f"deliveries_{name}", text) for kind, (name, text) in COUNTED.items()}
        self._emitted = self._counter("events_emitted", "Events that somebody receives after the commit.", "event")
        self._blocked = self._counter("loop_blocked", "Times the event loop was blocked.", "receiver")
        self._stumbled = self._counter("stumbled", "Errors of the engine's own work, which it repeats.", "reason")
        self._delay = self._histogram("delivery_start_delay_seconds", "From the commit to the start of an attempt.")
        self._ran = self._histogram("delivery_run_seconds", "How long receivers ran.")
        self._thread = threading.local()
        self.registry = self._shown()

    def listen(self) -> None:
        """Begin to count."""
        listeners.append(self._hear)

    def close(self) -> None:
        """Count no more."""
        listeners.remove(self._hear)

    def serve(self, port: int) -> Any:
        """Answer on a port of their own: the server and its thread. Raises `OSError` if the port is taken."""
        return prometheus_client.start_http_server(port, registry=self.registry)

    def text(self) -> bytes:
        """All figures in Prometheus' text format. Asks the database."""
        return prometheus_client.generate_latest(self.registry)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        allowed = scope["method"] in {"GET", "HEAD"}
        content = await asyncio.to_thread(self.text) if allowed else b""
        kind = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4.encode()
        headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200 if allowed else 405, "headers": headers})
        await send({"type": "http.response.body", "body": content if scope["method"] == "GET" else b""})

    def _counter(self, name: str, text: str, label: str = "receiver") -> Any:
        return prometheus_client.Counter(f"caluma_{name}", text, [label], registry=self._own)

    def _histogram(self, name: str, text: str) -> Any:
        return prometheus_client.Histogram(f"caluma_{name}", text, ["receiver"], registry=self._own, buckets=BUCKETS)

    def _shown(self) -> Any:
        """Where several processes keep their figures in one folder, those of all of them."""
        shown = self._own
        if values.ValueClass._multiprocess:
            shown = prometheus_client.CollectorRegistry()
            multiprocess.MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
        shown.register(Table())
        return shown

    def _hear(self, told: Told) -> None:
        if (counter := self._counters.get(told.kind)) is not None:
            counter.labels(told.receiver).inc(told.number)
        if told.kind is Kind.RECORDED:
            self._hear_event(told.event, told.event_id)
        elif told.kind is Kind.STARTED:
            self._delay.labels(told.receiver).observe(told.seconds)
        elif told.kind is Kind.BLOCKED:
            self._blocked.labels(told.receiver.partition(" #")[0]).inc()
        elif told.kind is Kind.STUMBLED:
            self._stumbled.labels(told.reason).inc()
        if told.ran:
            self._ran.labels(told.receiver).observe(told.ran)

    def _hear_event(self, event: str, key: UUID | None) -> None:
        """What one commit recorded is told by one thread, event by event."""
        if getattr(self._thread, "event", None) != key:
            self._thread.event = key
            self._emitted.labels(event).inc()


class Table:
    """A collector of Prometheus': what the table holds at this moment, for all processes on the database together."""

    def collect(self) -> Iterator[Any]:
        """The gauges; without those of the table if the database does not answer."""
        counts = _counted()
        up = GaugeMetricFamily("caluma_outbox_up", "Whether the table of deliveries could be read.")
        up.add_metric([], 0 if counts is None else 1)
        yield up
        if counts is None:
            return
        states = GaugeMetricFamily("caluma_deliveries", "Deliveries that are not done, by state.", labels=["state"])
        for state in ("waiting", "running", "failed", "held"):
            states.add_metric([state], getattr(counts, state))
        yield states
        yield _gauge("oldest_waiting_seconds", "How long the delivery that is due longest has waited.", counts.oldest)
        yield _gauge("unknown_receiver", "Deliveries that wait for a receiver that is not registered.", counts.unknown)

    def describe(self) -> Iterator[Any]:
        """Nothing is asked when it is registered."""
        return iter(())


def _gauge(name: str, text: str, value: float) -> Any:
    return GaugeMetricFamily(f"caluma_deliveries_{name}", text, value=value)


def _counted() -> outbox.Counts | None:
    """Over a connection of its own: threads that answer this come and go."""
    try:
        return outbox.count(registry.deliverable_names())
    except Exception as error:  # noqa: BLE001 - whatever it is, the other figures are shown
        logger.warning("The deliveries could not be counted: %s", type(error).__name__)
        return None
    finally:
        connection.close()
