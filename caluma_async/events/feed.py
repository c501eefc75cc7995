"""What subscribers wait for: committed events and changes of deliveries, handed to their queues. Uses no database.

Whoever publishes never waits: a subscriber's queue is bounded, and one that lets it run full is cut off.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from django.core.signals import setting_changed

from caluma_async.conf import settings
from caluma_async.errors import Refused
from caluma_async.events import audience
from caluma_async.events.bus import bus
from caluma_async.events.event import EventType
from caluma_async.events.outbox.rows import StoredEvent
from caluma_async.events.registry import registry
from caluma_async.events.stored import as_message, of_message
from caluma_async.events.telemetry import Kind, Told, listeners

T = TypeVar("T")

ANY: Final = object()
"""The key of subscribers who wait for everything. In a pair of lane and type: any lane, any type."""

_SOME: Final = object()
"""Stands beside the lanes that a subscriber waits for, so that it can be asked whether there are any."""


class Happened(NamedTuple):
    """A committed event; `position` is its place in the log, 0 where no log is kept."""

    position: int
    event: StoredEvent


class Changed(NamedTuple):
    """A delivery that moved on; `kind`: what happened, `ran`: for how many seconds its receiver ran, if it did."""

    id: int
    receiver: str
    kind: str = ""
    ran: float = 0.0


class Subscriber(Generic[T]):
    """A bounded queue on one event loop, for what has one of the `keys`. `on_cut` is called when it ran full."""

    def __init__(self, keys: Sequence[Hashable] = (ANY,), on_cut: Callable[[str], None] | None = None) -> None:
        self.keys = tuple(keys)
        self.loop = asyncio.get_running_loop()
        self.is_cut = False
        self._on_cut = on_cut
        self._most = settings.LIVE_QUEUE_SIZE
        self._waiting: deque[T] = deque()
        self._news = asyncio.Event()

    def offer(self, item: T) -> None:
        """Put something into the queue. On its loop."""
        if self.is_cut:
            return
        if len(self._waiting) >= self._most:
            self._cut()
        else:
            self._waiting.append(item)
        self._news.set()

    async def next(self, most: int) -> list[T]:
        """Wait for something, and take up to so many; raises `Refused` once it is cut off."""
        while not self._waiting:
            if self.is_cut:
                raise Refused(self._reason)
            self._news.clear()
            await self._news.wait()
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _cut(self) -> None:
        self.is_cut = True
        self._waiting.clear()
        if self._on_cut is not None:
            self._on_cut(self._reason)

    @property
    def _reason(self) -> str:
        return f"Too slow: more than {self._most} events were waiting. Subscribe again, with `after`."


class Bell(Subscriber[T]):
    """A subscriber that only wants to know that there is something: it keeps nothing, and is never too slow."""

    def offer(self, item: T) -> None:
        """Ring. On its loop."""
        self._news.set()

    async def rung(self) -> None:
        """Wait until it rings, or has rung since it was last waited for."""
        await self._news.wait()
        self._news.clear()


class Feed(Generic[T]):
    """Hands what is published, on whatever thread, to the subscribers of every event loop of this process.

    True while there are any. `keys` says of an item by which keys subscribers wait for it; one that nobody waits for
    wakes no loop.
    """

    def __init__(self, keys: Callable[[T], Collection[Hashable]]) -> None:
        self._keys = keys
        self._rooms: dict[asyncio.AbstractEventLoop, dict[Hashable, dict[Subscriber[T], None]]] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._rooms)

    def join(self, subscriber: Subscriber[T]) -> None:
        """Let it have what comes from now on."""
        with self._lock:
            room = self._rooms.setdefault(subscriber.loop, defaultdict(dict))
            for key in subscriber.keys:
                room[key][subscriber] = None

    def leave(self, subscriber: Subscriber[T]) -> None:
        """Let it have nothing more; safe to call twice."""
        with self._lock:
            room = self._rooms.get(subscriber.loop, {})
            for key in subscriber.keys:
                if key in room:
                    room[key].pop(subscriber, None)
                    if not room[key]:
                        del room[key]
            if not room:
                self._rooms.pop(subscriber.loop, None)

    def awaits(self, keys: Collection[Hashable]) -> bool:
        """Whether anybody waits for what has one of these keys."""
        return not all(room.keys().isdisjoint(keys) for room in list(self._rooms.values()))

    def publish(self, items: Sequence[T]) -> None:
        """Hand these to all loops that have subscribers who wait for them."""
        for loop, room in list(self._rooms.items()):
            awaited = [item for item in items if not room.keys().isdisjoint(self._keys(item))]
            if awaited and not loop.is_closed():
                loop.call_soon_threadsafe(self.publish_here, loop, awaited)

    def publish_here(self, loop: asyncio.AbstractEventLoop, items: Sequence[T]) -> None:
        """Hand these to the subscribers of the loop that this is called on."""
        room = self._rooms.get(loop, {})
        for item in items:
            for key in self._keys(item):
                for subscriber in list(room.get(key, ())):
                    subscriber.offer(item)


def keys_of_subscriber(lanes: Iterable[str] | None, types: Iterable[str] | None) -> list[Hashable]:
    """The keys of a subscriber to events of these lanes and of these types; `None`: of any."""
    if lanes is None and types is None:
        return [ANY]
    of_lanes = [ANY] if lanes is None else [*lanes, _SOME]
    of_types = [ANY] if types is None else list(types)
    return [(lane, kind) for lane in of_lanes for kind in of_types]


def _keys_of_event(lane: str | None, kind: str) -> tuple[Hashable, ...]:
    return (lane, kind), (lane, ANY), (ANY, kind), ANY


events: Final[Feed[Happened]] = Feed(lambda happened: _keys_of_event(happened.event.lane, happened.event.type))
deliveries: Final[Feed[Changed]] = Feed(lambda changed: (changed.receiver, ANY))

grown: Final[dict[object, Callable[[], None]]] = {}
"""Called, on any thread, when there is something new at the end of the log; by whom wants to know it."""

elsewhere: Final[list[Callable[[Sequence[Changed]], None]]] = []
"""Called, on the thread of the bus, with the changes that other processes tell of."""

_MOVES: Final = frozenset(
    {Kind.STARTED, Kind.DELIVERED, Kind.RETRIED, Kind.FAILED, Kind.HELD, Kind.DISCARDED, Kind.RELEASED, Kind.RECOVERED}
)


def awaits(lane: str | None, kind: str) -> bool:
    """Whether a subscriber here waits for events of this lane and type."""
    return events.awaits(_keys_of_event(lane, kind))


def committed(stored: Sequence[StoredEvent]) -> None:
    """These events were committed: tell the subscribers here and the other processes. Does not wait."""
    if settings.EVENT_LOG:
        grown_by = list({(event.lane, event.type) for event in stored})
        _log_has_grown(grown_by)
        bus.send({"log": grown_by})
        return
    if events:
        events.publish([Happened(0, event) for event in stored])
    bus.send({"events": [as_message(event) for event in stored]})


def moved(changes: Sequence[Changed]) -> None:
    """These deliveries moved on: tell the subscribers here and the other processes."""
    if deliveries:
        deliveries.publish(changes)
    bus.send({"deliveries": [list(changed) for changed in changes]})


def listen(told: Told) -> None:
    """Take in what the engine tells, as far as it is about rows."""
    if told.kind in _MOVES and told.delivery and (deliveries or audience.tells_others()):
        receiver = registry.find(told.receiver)
        if receiver is None or receiver.durable:
            moved([Changed(told.delivery, told.receiver, told.kind.value, told.ran)])


def wait_for_events(subscriber: Subscriber[Happened]) -> None:
    """Let a subscriber have events from now on."""
    audience.join(events, _awaits)
    events.join(subscriber)


def wait_no_more(subscriber: Subscriber[Happened]) -> None:
    """Let it have no events any more; safe to call twice."""
    events.leave(subscriber)
    if not events:
        audience.leave(events)


def _awaits(kind: EventType, arguments: Mapping[str, Any]) -> bool:
    """Whether a subscriber here waits for an event. Its lane is asked for where it decides: it may take a statement."""
    if events.awaits(((ANY, kind.name), ANY)):
        return True
    if kind.lane is None or not events.awaits(((_SOME, kind.name), (_SOME, ANY))):
        return False
    return awaits(kind.lane(arguments), kind.name)


def take(message: dict[str, Any]) -> None:
    """What another process tells."""
    if message.get("log"):
        _log_has_grown([(lane, kind) for lane, kind in message["log"]])
    if message.get("events") and events:
        events.publish([Happened(0, of_message(written)) for written in message["events"]])
    if message.get("deliveries"):
        _take_changes([Changed(*changed) for changed in message["deliveries"]])


def _take_changes(changes: Sequence[Changed]) -> None:
    if deliveries:
        deliveries.publish(changes)
    for call in elsewhere:
        call(changes)


def install() -> None:
    """Once per process: listen to the engine and to the other processes, and follow the settings."""
    if listen not in listeners:
        listeners.append(listen)
    bus.on_message = take
    setting_changed.connect(audience.follow_settings)


def _log_has_grown(by: Collection[tuple[str | None, str]]) -> None:
    """What nobody waits for is read when the reader looks of itself. `by`: lanes and types of what is new."""
    if any(awaits(lane, kind) for lane, kind in by):
        for call in list(grown.values()):
            call()
