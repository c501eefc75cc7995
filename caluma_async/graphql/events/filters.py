"""What events and deliveries can be filtered and sorted by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from django.db.models import Q

from caluma_async.errors import InvalidInput
from caluma_async.graphql.events.scalars import (
    DeliveryStatus,
    EventName,
    SortableDeliveryAttributes,
    SortableEventAttributes,
)
from caluma_async.graphql.filters.conditions import any_of, before, equals, means, since
from caluma_async.graphql.ordering import Ordered, attribute
from caluma_async.graphql.relay import key_of, parse_uuid
from caluma_async.workflow.events import family_lane
from caluma_async.workflow.models import Case


def uuid_of(value: str, name: str) -> UUID:
    """The uuid of an event; raises `InvalidInput`."""
    key = parse_uuid(value)
    if key is None:
        raise InvalidInput(f"{name}: {value!r} is not the id of an event.", field=name)
    return key


def _event(path: str, name: str) -> Any:
    return means(lambda value: Q(**{path: uuid_of(value, name)}))


def _events(path: str, name: str) -> Any:
    def meaning(values: Sequence[str]) -> Q:
        return Q(**{f"{path}__in": [uuid_of(value, name) for value in values]})

    return means(meaning)


def _family(path: str) -> Any:
    return means(lambda value: Q(**{path: family_lane(key_of(value, Case, "caseFamily"))}), names=Case)


@strawberry.input
class EventFilterSetType:
    """A filter of events: one key, and perhaps `invert`."""

    ids: list[strawberry.ID | None] | None = _events("pk", "ids")
    types: list[EventName | None] | None = any_of("type")
    case_family: strawberry.ID | None = _family("lane")
    causation_id: strawberry.ID | None = _event("causation_id", "causationId")
    correlation_id: strawberry.ID | None = _event("correlation_id", "correlationId")
    emitted_before: datetime | None = before("emitted_at")
    emitted_after: datetime | None = since("emitted_at")
    invert: bool | None = strawberry.UNSET


@strawberry.input
class DeliveryFilterSetType:
    """A filter of deliveries: one key, and perhaps `invert`."""

    status: list[DeliveryStatus | None] | None = any_of("state")
    receiver: str | None = equals("receiver")
    event: strawberry.ID | None = _event("event", "event")
    event_types: list[EventName | None] | None = any_of("event__type")
    case_family: strawberry.ID | None = _family("event__lane")
    emitted_before: datetime | None = before("event__emitted_at")
    emitted_after: datetime | None = since("event__emitted_at")
    invert: bool | None = strawberry.UNSET


@strawberry.input
class EventOrderSetType(Ordered):
    """An order of events; without one, as they were emitted."""

    attribute: SortableEventAttributes | None = attribute()


@strawberry.input
class DeliveryOrderSetType(Ordered):
    """An order of deliveries; without one, as they were recorded."""

    attribute: SortableDeliveryAttributes | None = attribute()
