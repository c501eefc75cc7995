"""What watches a real server: `/healthz` and `/metrics`, and a process that only delivers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.acceptance.server import ROOT, database_url, serving

pytestmark = pytest.mark.django_db(transaction=True)


def test_health_tells_how_deliveries_stand(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = httpx.get(f"{server.url}/healthz", timeout=60)
    told = answer.json()
    assert (answer.status_code, told["database"], told["events"]) == (200, "ok", "ok")
    assert told["facts"]["events"]["moving"] is True


def test_metrics_answer_only_where_they_are_enabled(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert httpx.get(f"{server.url}/metrics", timeout=60).status_code == 404
    with serving(tmp_path, EVENT_METRICS="true") as server:
        answer = httpx.get(f"{server.url}/metrics", timeout=60)
    assert answer.status_code == 200
    assert "caluma_outbox_up 1.0" in answer.text


def test_a_process_that_only_delivers_ends_when_it_is_told(tmp_path: Path) -> None:
    settings = {**os.environ, "DJANGO_SETTINGS_MODULE": "caluma_async.settings", "DATABASE_URL": database_url()}
    command = [sys.executable, "-W", "error::ResourceWarning", "manage.py", "work_events"]
    log = tmp_path / "worker.log"
    with log.open("wb") as errors:
        worker = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "Delivering. Stop with Ctrl-C.\n"
    worker.send_signal(signal.SIGTERM)
    said, _ = worker.communicate(timeout=60)
    assert (worker.returncode, said) == (0, "Stopping: what runs is finished first.\ndelivered 0\n")
    assert "ResourceWarning" not in log.read_text()
