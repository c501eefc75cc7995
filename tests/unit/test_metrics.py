"""Metrics listen: every kind of thing that is told is counted, under the receiver's name."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pytest_django import Settings

from caluma_async.errors import Misconfigured
from caluma_async.events import checks, metrics
from caluma_async.events.metrics import COUNTED, Metrics
from caluma_async.events.outbox import Counts
from caluma_async.events.telemetry import Kind, Told, listeners, tell
from caluma_async.keys import uuid7
from tests.door import client_of


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Metrics]:
    """Metrics without the table: there is no database here."""
    monkeypatch.setattr(metrics, "_counted", lambda: None)
    built = Metrics()
    built.listen()
    yield built
    built.close()


def figure(shown: Metrics, name: str) -> float:
    """The value of one line of the text."""
    lines = [line for line in shown.text().decode().splitlines() if not line.startswith("#")]
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines)}.get(name, 0.0)


@pytest.mark.parametrize("kind", COUNTED)
def test_what_happens_to_deliveries_is_counted_by_receiver(kind: Kind, listening: Metrics) -> None:
    name, _ = COUNTED[kind]
    for _ in range(2):
        tell(Told(kind=kind, receiver="porter", event="post_parcel", event_id=uuid7()))
    tell(Told(kind=kind, receiver="other", number=5))
    assert figure(listening, f'caluma_deliveries_{name}_total{{receiver="porter"}}') == 2
    assert figure(listening, f'caluma_deliveries_{name}_total{{receiver="other"}}') == 5


def test_an_event_counts_once_however_many_receive_it(listening: Metrics) -> None:
    def commit() -> None:
        for event in (uuid7(), uuid7()):
            for receiver in ("porter", "other"):
                tell(Told(kind=Kind.RECORDED, receiver=receiver, event="post_parcel", event_id=event))

    threads = [threading.Thread(target=commit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert figure(listening, 'caluma_events_emitted_total{event="post_parcel"}') == 8


def test_the_way_from_commit_to_start_and_the_run_are_measured(listening: Metrics) -> None:
    tell(Told(kind=Kind.STARTED, receiver="porter", seconds=0.004))
    tell(Told(kind=Kind.DELIVERED, receiver="porter", ran=0.2))
    tell(Told(kind=Kind.RETRIED, receiver="porter", ran=0.3, seconds=60))
    delay, ran = "caluma_delivery_start_delay_seconds", "caluma_delivery_run_seconds"
    assert figure(listening, f'{delay}_bucket{{le="0.005",receiver="porter"}}') == 1
    assert figure(listening, f'{delay}_bucket{{le="0.002",receiver="porter"}}') == 0
    assert figure(listening, f'{ran}_count{{receiver="porter"}}') == 2
    assert figure(listening, f'{ran}_sum{{receiver="porter"}}') == pytest.approx(0.5)


def test_a_blocked_loop_and_the_engines_own_errors_are_counted(listening: Metrics) -> None:
    tell(Told(kind=Kind.BLOCKED, receiver="porter #17", seconds=2))
    tell(Told(kind=Kind.BLOCKED, receiver="porter #18", seconds=2))
    tell(Told(kind=Kind.STUMBLED, reason="writing"))
    assert figure(listening, 'caluma_loop_blocked_total{receiver="porter"}') == 2
    assert figure(listening, 'caluma_stumbled_total{reason="writing"}') == 1


def test_nothing_is_counted_any_more_once_it_is_closed(listening: Metrics) -> None:
    other = Metrics()
    other.listen()
    other.close()
    tell(Told(kind=Kind.DELIVERED, receiver="porter"))
    assert figure(other, 'caluma_deliveries_delivered_total{receiver="porter"}') == 0
    assert other._hear not in listeners


async def test_the_page_is_prometheus_text(listening: Metrics) -> None:
    tell(Told(kind=Kind.DELIVERED, receiver="porter"))
    async with client_of(listening) as client:
        answer = await client.get("/metrics")
        head = await client.head("/metrics")
        refused = await client.post("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'caluma_deliveries_delivered_total{receiver="porter"} 1.0' in answer.text
    assert (answer.status_code, head.status_code, head.text, refused.status_code) == (200, 200, "", 405)


def test_they_answer_on_a_port_of_their_own(listening: Metrics) -> None:
    server, thread = listening.serve(0)
    try:
        assert "caluma_outbox_up 0.0" in httpx.get(f"http://127.0.0.1:{server.server_port}/metrics").text
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_without_prometheus_client_they_are_refused_and_check_says_so(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(metrics, "prometheus_client", None)
    with pytest.raises(Misconfigured, match="prometheus-client"):
        Metrics()
    settings.EVENT_METRICS = True
    assert checks.check_metrics() == []
    monkeypatch.setattr(checks, "_exists", lambda module: module != "prometheus_client")
    assert [message.id for message in checks.check_metrics()] == ["events.E005"]
    settings.EVENT_METRICS = False
    assert checks.check_metrics() == []


PROCESS = """
import sys, django
django.setup()
from caluma_async.events import metrics
from caluma_async.events.telemetry import Kind, Told, tell
metrics._counted = lambda: None
shown = metrics.Metrics()
shown.listen()
tell(Told(kind=Kind.DELIVERED, receiver="porter"))
print(shown.text().decode())
"""


def test_processes_with_a_common_folder_show_each_others_figures(tmp_path: Path) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    root = Path(__file__).resolve().parents[2]
    texts = [
        subprocess.run(
            [sys.executable, "-c", PROCESS], env=settings, cwd=root, check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    ]
    for number, text in enumerate(texts, start=1):
        assert f'caluma_deliveries_delivered_total{{receiver="porter"}} {number}.0' in text


def test_every_instance_has_a_registry_of_its_own() -> None:
    first, second = Metrics(), Metrics()
    assert isinstance(first.registry, CollectorRegistry)
    assert first.registry is not second.registry


def test_the_guide_names_every_metric_and_no_other(listening: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = Counts(waiting=0, running=0, failed=0, held=0, oldest=0, unknown=0)
    monkeypatch.setattr(metrics, "_counted", lambda: counts)
    page = Path(__file__).resolve().parents[2] / "docs" / "guide" / "deliveries.md"
    rows = re.findall(r"^\| (`caluma_.*?) \|", page.read_text(), flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`{]+)", row) if not name.startswith((", ", "}"))}
    told = set(re.findall(r"^# TYPE (\S+)", listening.text().decode(), flags=re.MULTILINE))
    assert {name.replace("…", "caluma_deliveries") for name in named} == told
