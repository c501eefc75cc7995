"""`manage.py work_events`: a process that only delivers; to the end of what is due, or until it is told to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from prometheus_client import CollectorRegistry

from caluma_async.events import EventType, Retry, lifecycle, metrics, on, send_event
from caluma_async.events.management.commands import work_events
from caluma_async.events.models import Delivery, State
from caluma_async.events.receivers import registry
from caluma_async.events.telemetry import listeners
from tests.integration.delivery_stage import ADA, Stage, stage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _usual_signals() -> Iterator[None]:
    """Handlers and listeners are put back by the command."""
    before = [signal.getsignal(number) for number in work_events.STOPPING], list(listeners)
    yield
    assert ([signal.getsignal(number) for number in work_events.STOPPING], list(listeners)) == before
    assert lifecycle.queue.worker is None


@pytest.fixture
def post() -> Iterator[Stage]:
    with stage() as built:
        yield built


def work(*arguments: str, output: StringIO | None = None) -> list[str]:
    output = output or StringIO()
    call_command("work_events", *arguments, stdout=output)
    return output.getvalue().splitlines()


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def test_once_delivers_all_that_is_due_in_order_and_says_how_it_went(post: Stage) -> None:
    post.failing = {2}
    post.send(1, 2, 3)
    post.send(4, street=None)
    assert work("--once") == ["delivered 3, failed 1"]
    assert [number for number in post.seen if number != 4] == [1, 2, 3]
    assert states() == [State.DELIVERED, State.FAILED, State.DELIVERED, State.DELIVERED]


def test_once_with_nothing_to_do_ends(post: Stage) -> None:
    assert work("--once") == ["delivered 0"]


def test_once_delivers_what_receivers_cause_too(post: Stage) -> None:
    @on(post.event, blocking=False, name="sender")
    def send_more(number: int, **kwargs: Any) -> None:
        if number < 3:
            post.send(number + 1)

    post.send(1)
    assert work("--once") == ["delivered 6"]
    assert post.seen == [1, 2, 3]


def test_once_leaves_what_is_due_later() -> None:
    with stage(name="again", retry=Retry(max_attempts=2, base=3_600, jitter=False)) as later:
        later.failing = {1}
        later.send(1)
        assert work("--once") == ["delivered 0, retried 1"]
        assert states() == [State.WAITING]


class Told(StringIO):
    """Output that says when a line was written."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping = threading.Event()
        self.progress = threading.Event()

    def write(self, text: str) -> int:
        if text.startswith("Stopping"):
            self.stopping.set()
        elif text.startswith("delivered"):
            self.progress.set()
        return super().write(text)


@pytest.mark.parametrize("number", work_events.STOPPING)
def test_a_signal_lets_what_runs_finish_and_leaves_the_rest(number: signal.Signals) -> None:
    output = Told()
    with registry.isolated():
        event = EventType("post_parcel", arguments=("place",), lane=lambda given: "one")

        @on(event, blocking=False)
        def stops_the_process(place: int, **kwargs: Any) -> None:
            os.kill(os.getpid(), number)
            assert output.stopping.wait(30)

        for place in (1, 2):
            send_event(event, "test", user=ADA, place=place)
        lines = work(output=output)
    assert lines == ["Delivering. Stop with Ctrl-C.", "Stopping: what runs is finished first.", "delivered 1"]
    assert states() == [State.DELIVERED, State.WAITING]


def test_progress_is_told_meanwhile(post: Stage) -> None:
    output = Told()

    @on(post.event, blocking=False, name="last", ordered=False)
    def stops_when_told(number: int, **kwargs: Any) -> None:
        if number == 3:
            assert output.progress.wait(30)
            os.kill(os.getpid(), signal.SIGTERM)

    post.send(1, 2, 3)
    lines = work("--every", "0.01", output=output)
    assert lines[0] == "Delivering. Stop with Ctrl-C."
    assert lines[1].startswith("delivered ")
    assert lines[-1] == f"delivered {states().count(State.DELIVERED)}"


def test_what_goes_wrong_ends_the_process_with_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise RuntimeError("no worker today")

    monkeypatch.setattr(lifecycle, "start_worker", broken)
    with pytest.raises(RuntimeError, match="no worker today"):
        work()


def test_metrics_are_shown_on_a_port(post: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    servers: list[Any] = []
    serve = metrics.Metrics.serve

    def remember(self: metrics.Metrics, port: int) -> None:
        server, thread = serve(self, port)
        servers.append((self, server, thread))

    monkeypatch.setattr(metrics.Metrics, "serve", remember)
    monkeypatch.setattr(metrics, "_counted", lambda: None)

    @on(post.event, blocking=False, name="scraper")
    def scrape(**kwargs: Any) -> None:
        shown.append(httpx.get(f"http://127.0.0.1:{servers[0][1].server_port}/metrics").text)

    post.send(1)
    work("--once", "--metrics-port", "0")
    figures, server, thread = servers[0]
    server.shutdown()
    server.server_close()
    thread.join()
    figures.close()
    assert 'caluma_delivery_start_delay_seconds_count{receiver="scraper"} 1.0' in shown[0]
    assert isinstance(figures.registry, CollectorRegistry)


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_cannot_be_had_is_named(port: str) -> None:
    with pytest.raises(CommandError, match=f"Metrics cannot be shown on port {port}"):
        work("--once", "--metrics-port", port)


def test_metrics_without_prometheus_client_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "prometheus_client", None)
    with pytest.raises(CommandError, match="need prometheus-client"):
        work("--once", "--metrics-port", "0")
