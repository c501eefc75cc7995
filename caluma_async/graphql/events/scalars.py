"""Names of event types, and the states of deliveries."""

from __future__ import annotations

from enum import Enum
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from caluma_async.events.event import event_types
from caluma_async.events.states import State

EventName = NewType("EventName", str)


def _known(value: Any) -> str:
    if not isinstance(value, str) or value not in event_types():
        raise GraphQLError(f"There is no event type {value!r}.")
    return value


EVENT_NAME: ScalarDefinition = strawberry.scalar(
    name="EventName",
    description="The name of an event type, such as post_complete_work_item.",
    serialize=str,
    parse_value=_known,
)


@strawberry.enum
class DeliveryStatus(Enum):
    """How a delivery stands."""

    WAITING = State.WAITING.value
    RUNNING = State.RUNNING.value
    DELIVERED = State.DELIVERED.value
    FAILED = State.FAILED.value
    HELD = State.HELD.value
    DISCARDED = State.DISCARDED.value


@strawberry.enum
class SortableEventAttributes(Enum):
    """What events can be sorted by."""

    EMITTED_AT = "emitted_at"
    NAME = "type"


@strawberry.enum
class SortableDeliveryAttributes(Enum):
    """What deliveries can be sorted by."""

    AVAILABLE_AT = "available_at"
    FINISHED_AT = "finished_at"
    RECEIVER = "receiver"
    STATUS = "state"
    ATTEMPT = "attempt"
