"""`/healthz`: 200 while all is well, 503 with a name when not, in a moment either way."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connections

from caluma_async import health
from caluma_async.health import Health
from tests.door import client_of


async def state(healthz: Health) -> tuple[int, object]:
    async with client_of(healthz) as client:
        response = await client.get("/healthz", headers={"Host": "10.0.0.1"})
    return response.status_code, response.json()


@pytest.mark.django_db(transaction=True)
async def test_a_database_that_answers_is_well() -> None:
    healthz = Health()
    healthz.register("database", health.database)
    assert await state(healthz) == (200, {"database": "ok"})


@pytest.mark.django_db(transaction=True)
async def test_the_check_leaves_no_connection_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[object] = []

    async def here(function: object) -> None:
        def ask() -> None:
            health._ask_database()
            left.append(connections["default"].connection)

        await asyncio.get_running_loop().run_in_executor(None, ask)

    monkeypatch.setattr(asyncio, "to_thread", here)
    await health.database()
    assert left == [None]


async def test_what_fails_is_named_and_why_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def well() -> None:
        pass

    async def ill() -> None:
        raise ConnectionError("the password of the queue")

    healthz = Health()
    healthz.register("database", well)
    healthz.register("queue", ill)
    assert await state(healthz) == (503, {"database": "ok", "queue": "failed"})
    assert "The check queue failed: ConnectionError" in caplog.text


async def test_what_does_not_answer_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.01)
    healthz = Health()
    healthz.register("database", asyncio.Event().wait)
    assert await state(healthz) == (503, {"database": "failed"})
