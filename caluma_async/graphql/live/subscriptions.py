"""The subscriptions: what happens, as it happens, to those who may see it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final, cast
from uuid import UUID

import strawberry
from django.db.models import Model

from caluma_async.conf import settings
from caluma_async.errors import InvalidInput, NotFound
from caluma_async.events import feed, models
from caluma_async.events.feed import ANY, Changed, Happened, Subscriber, keys_of_subscriber
from caluma_async.events.outbox import log
from caluma_async.events.outbox.rows import StoredEvent
from caluma_async.graphql.context import Context, Info
from caluma_async.graphql.database import orm
from caluma_async.graphql.events.filters import uuid_of
from caluma_async.graphql.events.guarded import admitted
from caluma_async.graphql.events.scalars import DeliveryStatus, EventName
from caluma_async.graphql.events.types import Delivery, Event
from caluma_async.graphql.live.sight import Sight, Wanted
from caluma_async.graphql.live.tail import tail
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.relations import Reach, reach
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.selection import ResolveInfo, selected
from caluma_async.verbs.deliveries import SeeDeliveries
from caluma_async.workflow.events import family_lane
from caluma_async.workflow.models import Case, Task

TOGETHER: Final = 100
"""How many events one statement loads the objects of."""

MOST_NAMES: Final = 100


@strawberry.type
class Subscription:
    """What is pushed over a WebSocket, by the protocol graphql-transport-ws."""

    @strawberry.subscription
    async def events(
        self,
        info: Info,
        types: list[EventName] | None = None,
        case: strawberry.ID | None = None,
        family: strawberry.ID | None = None,
        task: list[strawberry.ID] | None = None,
        after: strawberry.ID | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Each event once it is committed, if it is about something that may be seen; in order for each case.

        `after`: go on behind this event, from the log.
        """
        asked = _Asked(info.context, types=types, case=case, family=family, task=task)
        wanted = await orm(asked.wanted)
        sight = Sight(wanted, cast("ResolveInfo", info._raw_info))
        async with aclosing(_events(wanted, after, info.context)) as found:
            async for events in found:
                some = [event for event in events if wanted.may_be(event)]
                for shown in await orm(sight.of, some) if some else ():
                    info.context.loaders.clear()
                    yield cast("Event", shown)

    @strawberry.subscription
    async def deliveries(
        self, info: Info, status: DeliveryStatus | None = None, receiver: str | None = None
    ) -> AsyncGenerator[Delivery, None]:
        """Each delivery as it moves on, from the start of its first attempt, as it is then."""
        await admitted(info.context, SeeDeliveries)
        raw = cast("ResolveInfo", info._raw_info)
        wanted = reach(raw.schema.type_map["Delivery"], selected(raw), raw).with_column("state")
        subscriber: Subscriber[Changed] = Subscriber([ANY if receiver is None else receiver], info.context.hang_up)
        feed.deliveries.join(subscriber)
        try:
            while True:
                keys = dict.fromkeys(changed.id for changed in await subscriber.next(TOGETHER))
                for delivery in await orm(_deliveries, list(keys), wanted, status, info.context):
                    info.context.loaders.clear()
                    yield delivery
        finally:
            feed.deliveries.leave(subscriber)


async def _events(wanted: Wanted, after: str | None, context: Context) -> AsyncGenerator[Sequence[StoredEvent], None]:
    """What is committed from now on, or what the log holds behind `after` and then what is committed."""
    position = None if after is None else await _position(after)
    if position is not None:
        async for entries in _logged(position):
            yield [entry.event for entry in entries]
            position = entries[-1].position
    subscriber: Subscriber[Happened] = Subscriber(keys_of_subscriber(wanted.lanes, wanted.types), context.hang_up)
    following = tail() if settings.EVENT_LOG else None
    try:
        if following is not None:
            await following.join()
        feed.wait_for_events(subscriber)
        if position is not None:
            # what came between the last look and the first event that is waited for
            async for entries in _logged(position):
                yield [entry.event for entry in entries]
                position = entries[-1].position
        while True:
            news = await subscriber.next(TOGETHER)
            yield [one.event for one in news if position is None or one.position > position]
    finally:
        feed.wait_no_more(subscriber)
        if following is not None:
            following.leave()


async def _logged(position: int) -> AsyncIterator[Sequence[log.Entry]]:
    while entries := await orm(log.newer, position):
        yield entries
        position = entries[-1].position


async def _position(after: str) -> int:
    if not settings.EVENT_LOG:
        raise InvalidInput("after: this server keeps no log of events (EVENT_LOG).", field="after")
    position = await orm(log.position_of, uuid_of(after, "after"))
    if position is None:
        raise InvalidInput(f"after: the log does not hold the event {after!r}, or not any more.", field="after")
    return position


class _Asked:
    """The arguments of a subscription to events."""

    def __init__(
        self,
        context: Context,
        *,
        types: Sequence[str] | None,
        case: str | None,
        family: str | None,
        task: Sequence[str] | None,
    ) -> None:
        for name, values in (("types", types), ("task", task)):
            if values is not None and len(values) > MOST_NAMES:
                raise InvalidInput(f"{name}: {MOST_NAMES} at most.", field=name)
        self._context = context
        self._types = types
        self._case = None if case is None else cast("UUID", key_of(case, Case, "case"))
        self._family = None if family is None else cast("UUID", key_of(family, Case, "family"))
        self._tasks = None if task is None else [str(key_of(one, Task, "task")) for one in task]

    def wanted(self) -> Wanted:
        """What is asked for; raises `NotFound` for what does not exist or may not be seen."""
        lanes = [family_lane(self._family_of(key, name)) for name, key in self._cases() if key is not None]
        return Wanted(
            types=frozenset(self._types) if self._types else None,
            lanes=frozenset(lanes[:1]) & frozenset(lanes[-1:]) if lanes else None,
            case=self._case,
            tasks=self._visible_tasks(),
        )

    def _cases(self) -> Sequence[tuple[str, UUID | None]]:
        return ("case", self._case), ("family", self._family)

    def _family_of(self, key: UUID, name: str) -> UUID:
        found = visible(Case, self._context).filter(pk=key).values_list("family_id", flat=True).first()
        if found is None or (name == "family" and found != key):
            what = "case" if name == "case" else "root case"
            raise NotFound(f"{name}: there is no {what} {key}, or you may not see it.", field=name)
        return found

    def _visible_tasks(self) -> frozenset[str] | None:
        if not self._tasks:
            return None
        found = frozenset(visible(Task, self._context).filter(pk__in=self._tasks).values_list("pk", flat=True))
        if missing := sorted(set(self._tasks) - found):
            raise NotFound(f"task: there is no task {missing[0]!r}, or you may not see it.", field="task")
        return found


def _deliveries(keys: Sequence[int], wanted: Reach, status: DeliveryStatus | None, context: Context) -> list[Any]:
    found: dict[Any, Model] = {each.pk: each for each in _visible_deliveries(keys, wanted, status, context)}
    return [found[key] for key in keys if key in found]


def _visible_deliveries(
    keys: Sequence[int], wanted: Reach, status: DeliveryStatus | None, context: Context
) -> list[models.Delivery]:
    query = visible(models.Delivery, context).filter(pk__in=keys)
    return list(wanted.loaded_by(query if status is None else query.filter(state=status.value)))
