"""What can be asked about events and deliveries."""

from __future__ import annotations

import strawberry

from caluma_async.events import models
from caluma_async.graphql.events.filters import (
    DeliveryFilterSetType,
    DeliveryOrderSetType,
    EventFilterSetType,
    EventOrderSetType,
)
from caluma_async.graphql.events.guarded import guarded
from caluma_async.graphql.events.types import Delivery, Event
from caluma_async.graphql.pages import Connection
from caluma_async.verbs.deliveries import SeeDeliveries, SeeEvents


@strawberry.type
class EventQueries:
    """What can be asked by those who run the site."""

    all_events: Connection[Event] | None = guarded(SeeEvents, models.EventRecord, EventFilterSetType, EventOrderSetType)
    all_deliveries: Connection[Delivery] | None = guarded(
        SeeDeliveries, models.Delivery, DeliveryFilterSetType, DeliveryOrderSetType
    )
