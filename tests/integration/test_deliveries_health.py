"""What `/healthz` and `manage.py check` say of deliveries, and what Prometheus is told of the table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError
from pytest_django import Settings

from caluma_async.events import health as events_health
from caluma_async.events import outbox
from caluma_async.events.metrics import Metrics
from caluma_async.events.models import Delivery, State
from caluma_async.health import Health
from caluma_async.testing.plugin import Deliver
from tests.door import client_of
from tests.integration.delivery_stage import Stage, stage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def post() -> Iterator[Stage]:
    with stage() as built:
        yield built


def age(seconds: float, **which: Any) -> None:
    Delivery.objects.filter(**which).update(available_at=datetime.now(UTC) - timedelta(seconds=seconds))


async def asked() -> tuple[int, Any]:
    healthz = Health()
    healthz.register("events", events_health.check)
    async with client_of(healthz) as client:
        response = await client.get("/healthz")
    return response.status_code, response.json()


def run(function: Any) -> Any:
    """On a thread of its own, as `to_thread` does: what it leaves of connections would be seen."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def facts() -> dict[str, Any]:
    found: dict[str, Any] = run(events_health._facts)
    return found


def test_an_empty_table_is_well() -> None:
    assert facts() == {
        "moving": True,
        "oldest_waiting_seconds": 0,
        "waiting": 0,
        "running": 0,
        "held": 0,
        "failed": 0,
        "unknown_receiver": 0,
    }


def test_it_says_how_old_the_oldest_is_and_how_many_there_are(post: Stage, deliver: Deliver) -> None:
    post.failing = {1}
    post.send(1)
    deliver()
    post.send(2, 3)
    age(20, state=State.WAITING)
    found = facts()
    assert (found["waiting"], found["failed"], found["moving"]) == (2, 1, True)
    assert 20 <= found["oldest_waiting_seconds"] < 60


@pytest.mark.parametrize("street", ["Elm Street", None])
def test_what_could_start_and_does_not_is_a_standstill(street: str | None, post: Stage) -> None:
    post.send(1, street=street)
    age(events_health.STANDSTILL + 1)
    assert not facts()["moving"]


def test_it_moves_while_anything_runs_anywhere(post: Stage) -> None:
    post.send(1, street="Elm Street")
    post.send(2, street="Oak Street")
    first = Delivery.objects.earliest("id")
    outbox.take([first.pk], outbox.Hand(owner=7, lease=60))
    age(events_health.STANDSTILL + 1)
    assert facts()["moving"]


def test_a_lane_that_a_person_must_look_at_is_no_standstill(deliver: Deliver) -> None:
    with stage(on_exhausted="hold") as post:
        post.failing = {1}
        post.send(1, 2)
        deliver()
        age(events_health.STANDSTILL + 1)
        found = facts()
        assert (found["held"], found["waiting"], found["moving"]) == (1, 1, True)


def test_free_lanes_behind_many_blocked_ones_are_seen(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caluma_async.events.outbox.claiming.STEPS", 2)
    with stage(on_exhausted="hold") as post:
        post.failing = set(range(5))
        for number in range(5):
            post.send(number, street=f"A{number} Street")
        deliver()
        post.send(9, street="Z Street")
        age(events_health.STANDSTILL + 1)
        assert not facts()["moving"]


async def test_the_page_tells_the_facts_and_fails_at_a_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"moving": True, "waiting": 3}
    monkeypatch.setattr(events_health, "_facts", lambda: told)
    assert await asked() == (200, {"events": "ok", "facts": {"events": told}})
    told["moving"] = False
    assert await asked() == (503, {"events": "failed", "facts": {"events": told}})


@pytest.mark.parametrize(("name", "value"), [("EVENT_DELIVERS", False), ("EVENT_CARRIER", "procrastinate")])
async def test_a_process_that_does_not_deliver_is_well_while_nobody_does(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, name: str, value: object
) -> None:
    setattr(settings, name, value)
    monkeypatch.setattr(events_health, "_facts", lambda: {"moving": False})
    assert await asked() == (200, {"events": "ok", "facts": {"events": {"moving": False}}})


def test_check_names_receivers_that_are_gone(post: Stage) -> None:
    post.send(1, 2)
    Delivery.objects.update(receiver="gone")
    [message] = run_checks(tags=["outbox"])
    assert (message.id, message.msg) == ("events.W001", "2 deliveries wait for gone, which is not registered.")
    assert "discard --state waiting --receiver gone" in str(message.hint)


def test_check_is_silent_where_every_receiver_is_there(post: Stage) -> None:
    post.send(1)
    assert run_checks(tags=["outbox"]) == []


def test_check_is_silent_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(known: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(outbox, "unknown_receivers", away)
    assert run_checks(tags=["outbox"]) == []


def test_metrics_show_the_table(post: Stage, deliver: Deliver) -> None:
    post.failing = {1}
    post.send(1)
    deliver()
    post.send(2, 3)
    age(40, state=State.WAITING)
    Delivery.objects.filter(pk=Delivery.objects.latest("id").pk).update(receiver="gone")
    lines = run(Metrics().text).decode().splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert figures['caluma_deliveries{state="waiting"}'] == "2.0"
    assert figures['caluma_deliveries{state="failed"}'] == "1.0"
    assert figures['caluma_deliveries{state="running"}'] == figures['caluma_deliveries{state="held"}'] == "0.0"
    assert figures["caluma_deliveries_unknown_receiver"] == "1.0"
    assert 40 <= float(figures["caluma_deliveries_oldest_waiting_seconds"]) < 90
    assert figures["caluma_outbox_up"] == "1.0"


def test_metrics_are_told_even_if_the_table_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(known: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(outbox, "count", away)
    text = run(Metrics().text).decode()
    assert "caluma_outbox_up 0.0" in text
    assert "caluma_deliveries{" not in text
