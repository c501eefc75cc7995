"""Events and deliveries as GraphQL types. They are no nodes: their ids are the event's uuid, the delivery's number."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from django.db.models import QuerySet

from caluma_async.events import models
from caluma_async.events.stored import sender_name, username
from caluma_async.graphql.connections import Arguments
from caluma_async.graphql.context import Context
from caluma_async.graphql.events.filters import (
    DeliveryFilterSetType,
    DeliveryOrderSetType,
    EventFilterSetType,
    EventOrderSetType,
)
from caluma_async.graphql.events.guarded import Guarded, connection_arguments, guarded
from caluma_async.graphql.events.scalars import DeliveryStatus, EventName
from caluma_async.graphql.events.subjects import subject
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.pages import Connection, Rows
from caluma_async.graphql.relations import related
from caluma_async.graphql.selection import ResolveInfo
from caluma_async.verbs.deliveries import SeeDeliveries, SeeEvents
from caluma_async.workflow import models as workflow
from caluma_async.workflow.events import family_lane

if TYPE_CHECKING:
    from caluma_async.graphql.workflow.types import Case, WorkItem

_TYPES = "caluma_async.graphql.workflow.types"


@strawberry.type
class Event:
    """Something that happened. `workItem` or `case`, whichever it is about, is shown as it is now."""

    id: strawberry.ID = answered_by(lambda source, _info: str(source.id), reads=["id"])
    name: EventName = answered_by(lambda source, _info: source.type, reads=["type"])
    sender: str = answered_by(lambda source, _info: sender_name(source.sender), reads=["sender"])
    emitted_at: datetime
    user: str | None = answered_by(lambda source, _info: username(source.user), reads=["user"])
    causation_id: strawberry.ID | None = answered_by(
        lambda source, _info: None if source.causation_id is None else str(source.causation_id),
        reads=["causation_id"],
    )
    correlation_id: strawberry.ID = answered_by(
        lambda source, _info: str(source.correlation_id), reads=["correlation_id"]
    )
    work_item: Annotated[WorkItem, strawberry.lazy(_TYPES)] | None = subject(workflow.WorkItem)
    case: Annotated[Case, strawberry.lazy(_TYPES)] | None = subject(workflow.Case)
    deliveries: Connection[Delivery] | None = guarded(
        SeeDeliveries, models.Delivery, DeliveryFilterSetType, DeliveryOrderSetType, below="event", own_key="id"
    )


@strawberry.type
class Delivery:
    """That one receiver is told of one event, and how far that has come. `error` may be a whole traceback."""

    id: strawberry.ID = answered_by(lambda source, _info: str(source.id), reads=["id"])
    receiver: str
    status: DeliveryStatus = answered_by(lambda source, _info: source.state, reads=["state"])
    attempt: int
    available_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str
    event: Event = related(models.Delivery.event)


class OfFamily(Guarded):
    """The resolver of `Case.events`: what the log holds of the case's family."""

    async def __call__(self, source: Any, info: ResolveInfo, /, **arguments: Any) -> Rows | None:
        return await super().__call__(SimpleNamespace(lane=family_lane(source.family_id)), info, **arguments)

    def narrowed(self, queryset: QuerySet[Any], arguments: Arguments, context: Context) -> QuerySet[Any]:
        """Those in the log: by its index they are found."""
        return super().narrowed(queryset.filter(position__isnull=False), arguments, context)


def family_events() -> Any:
    """A field of cases: the events of their families."""
    resolver = OfFamily(SeeEvents, models.EventRecord, "lane", "lane", EventFilterSetType, EventOrderSetType)
    arguments = connection_arguments(EventFilterSetType, EventOrderSetType)
    return answered_by(resolver, reads=["family_id"], arguments=arguments)
