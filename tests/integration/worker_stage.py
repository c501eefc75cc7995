"""Event types, a retry and senders that the tests of the worker share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from caluma_async.events import EventType, Retry, send_event
from caluma_async.events.receivers import registry

AT_ONCE = Retry(max_attempts=3, base=0, jitter=False)


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    """No receiver outlives its test."""
    with registry.isolated():
        yield


@pytest.fixture
def alone(isolated: None) -> None:
    """No receiver but the test's own may want places."""
    registry._receivers = []


@pytest.fixture
def painted() -> EventType:
    """An event without a lane."""
    return EventType("post_painted", arguments=("wall",))


@pytest.fixture
def built() -> EventType:
    """An event with a lane per house."""
    return EventType("post_built", arguments=("house", "floor"), lane=lambda arguments: f"house:{arguments['house']}")


def emit_in_transaction(*events: tuple[EventType, dict[str, Any]], fail: bool = False) -> None:
    """Emit in one transaction, which is rolled back if it is to fail."""
    with transaction.atomic():
        for event, arguments in events:
            send_event(event, **arguments)
        if fail:
            transaction.set_rollback(True)


def async_append(got: list[Any]) -> Any:
    async def receiver(wall: Any, **kwargs: Any) -> None:
        got.append(wall)

    return receiver
