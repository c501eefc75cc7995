"""`/healthz`: whether this process can do its work, for those who watch it. Measures nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from django.db import connection

Check = Callable[[], Awaitable[object]]
logger = logging.getLogger("caluma_async.health")

PATIENCE: Final = 5.0
"""Seconds after which a check that has not answered has failed."""


class Unwell(Exception):
    """What a check raises that has something to tell: `facts` are shown, the message is only logged."""

    def __init__(self, message: str, facts: Mapping[str, object]) -> None:
        super().__init__(message)
        self.facts = facts


class Health:
    """An ASGI application: 200 if every registered check passes, else 503 with the names of those that do not.

    What checks return as a mapping stands under `facts`.
    """

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def register(self, name: str, check: Check) -> None:
        """Take in a check: a coroutine function that raises if all is not well, and may return facts to show."""
        self._checks[name] = check

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, whatever host it asks for: probes know addresses only."""
        found = {name: await _state(name, check) for name, check in self._checks.items()}
        status = 200 if all(state == "ok" for state, _ in found.values()) else 503
        content = json.dumps(_shown(found)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


async def database() -> None:
    """The database answers a statement, over a connection of its own: those of requests may all be busy."""
    await asyncio.to_thread(_ask_database)


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _shown(found: Mapping[str, tuple[str, object]]) -> Mapping[str, object]:
    states = {name: state for name, (state, _) in found.items()}
    facts = {name: told for name, (_, told) in found.items() if isinstance(told, Mapping)}
    return {**states, "facts": facts} if facts else states


async def _state(name: str, check: Check) -> tuple[str, object]:
    try:
        facts = await asyncio.wait_for(check(), PATIENCE)
    except Exception as error:  # noqa: BLE001 - whatever it is, the check has not passed
        logger.warning("The check %s failed: %s", name, type(error).__name__)
        return "failed", error.facts if isinstance(error, Unwell) else None
    return "ok", facts
