"""What tests of the outbox put into it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from caluma_async.events.outbox import StoredEvent
from caluma_async.keys import uuid7


def event(lane: str | None = None, **values: Any) -> StoredEvent:
    """An event as it is stored, about nothing."""
    key = uuid7()
    fields = {
        "id": key,
        "type": "t",
        "sender": "null",
        "arguments": "{}",
        "user": "null",
        "context": "null",
        "lane": lane,
        "emitted_at": datetime.now(UTC),
        "causation_id": None,
        "correlation_id": key,
        "chain": '["t"]',
    }
    return StoredEvent(**{**fields, **values})
