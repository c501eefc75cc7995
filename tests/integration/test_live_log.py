"""The log keeps its order and its end, and processes tell each other of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pytest_django import Settings

from caluma_async.errors import Misconfigured, Refused
from caluma_async.events import EventType, bus, feed, on, outbox, send_event
from caluma_async.events.bus import Bus
from caluma_async.events.event import Event, event_type
from caluma_async.events.feed import Changed, Happened, Subscriber, keys_of_subscriber
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.outbox import log
from caluma_async.events.outbox.claiming import stored_events
from caluma_async.events.outbox.rows import StoredEvent
from caluma_async.events.receivers import registry
from caluma_async.events.stored import as_message, encode_fitting, of_message, sender_name, subject_of, username
from caluma_async.events.telemetry import Kind, Told
from caluma_async.identity import User

DAYS = 7


@pytest.fixture(autouse=True)
def _isolated(settings: Settings) -> Iterator[None]:
    settings.EVENT_LOG = True
    with registry.isolated():
        yield


@pytest.fixture
def rung() -> EventType:
    return EventType("post_rung", arguments=("bell",))


def age(*keys: UUID) -> None:
    """Make events as old as keys say that were made ten days ago."""
    moment = int((datetime.now(UTC) - timedelta(days=10)).timestamp() * 1000) << 80
    for number, key in enumerate(keys):
        EventRecord.objects.filter(pk=key).update(id=UUID(int=moment + number))


@pytest.mark.django_db
def test_old_events_leave_the_log_but_its_end_stays(rung: EventType) -> None:
    for number in range(3):
        send_event(rung, "tower", bell=number)
    assert [entry.position for entry in log.newer(0)] == [1, 2, 3]
    age(*EventRecord.objects.order_by("position").values_list("pk", flat=True))
    assert outbox.prune(DAYS) == 2
    assert outbox.prune(DAYS) == 0
    send_event(rung, "tower", bell=4)
    assert [entry.position for entry in log.newer(0)] == [3, 4]


@pytest.mark.django_db
def test_the_last_event_stays_with_its_place_though_its_deliveries_go(rung: EventType) -> None:
    @on(rung)
    async def received(**kwargs: Any) -> None: ...

    send_event(rung, "tower", bell=1)
    assert log.end() == 1
    row = EventRecord.objects.get()
    age(row.pk)
    Delivery.objects.update(
        event_id=EventRecord.objects.get().pk, state="delivered", finished_at=datetime.now(UTC) - timedelta(days=10)
    )
    assert outbox.prune(DAYS) == 1
    assert log.end() == 1


@pytest.mark.django_db
def test_events_without_the_log_have_no_place(rung: EventType, settings: Settings) -> None:
    settings.EVENT_LOG = False
    send_event(rung, "tower", bell=0)

    @on(rung)
    async def received(**kwargs: Any) -> None: ...

    send_event(rung, "tower", bell=1)
    assert list(EventRecord.objects.values_list("position", flat=True)) == [None]
    assert (log.end(), log.newer(0)) == (0, [])


@pytest.mark.django_db
def test_what_cannot_be_stored_is_left_out_of_the_log(rung: EventType) -> None:
    send_event(rung, object(), bell=object(), context={"a": object()})
    [entry] = log.newer(0)
    assert (entry.event.sender, entry.event.arguments, entry.event.context) == ("null", "{}", "null")
    assert sender_name(entry.event.sender) == ""


def test_a_message_to_other_processes_says_what_happened_and_no_more(rung: EventType) -> None:
    user = User("ada", groups=["g"], claims={"secret": 1})
    event = Event.of(rung, sender=User, user=user, context={"private": 1}, arguments={"bell": 1})
    message = as_message(encode_fitting(event))
    assert "secret" not in str(message)
    assert "private" not in str(message)
    read = of_message(message)
    assert (read.id, read.type, read.emitted_at) == (event.id, "post_rung", event.emitted_at)
    assert (sender_name(read.sender), username(read.user), subject_of(read.type, read.arguments)) == (
        "User",
        "ada",
        None,
    )
    assert subject_of("post_unheard_of", "{}") is None
    assert sender_name('{"$": ["class", "nowhere.at.All"]}') == "All"
    assert username("null") is None


async def test_a_subscriber_without_a_connection_is_told_by_an_error(settings: Settings) -> None:
    settings.LIVE_QUEUE_SIZE = 1
    subscriber: Subscriber[Changed] = Subscriber(["porter"])
    feed.deliveries.join(subscriber)
    feed.take({"deliveries": [[1, "porter"], [2, "other"]]})
    assert await subscriber.next(10) == [Changed(1, "porter")]
    feed.listen(Told(kind=Kind.STARTED, receiver="porter", delivery=3))
    feed.listen(Told(kind=Kind.RECORDED, receiver="porter", delivery=4))
    assert await subscriber.next(10) == [Changed(3, "porter", "started")]
    feed.moved([Changed(5, "porter"), Changed(6, "porter"), Changed(7, "porter")])
    with pytest.raises(Refused, match="Too slow"):
        await subscriber.next(10)
    feed.deliveries.leave(subscriber)
    feed.deliveries.leave(subscriber)
    assert not feed.deliveries


async def test_deliveries_without_a_row_are_not_told_of(rung: EventType) -> None:
    @on(rung, durable=False, name="loose")
    async def received(**kwargs: Any) -> None: ...

    subscriber: Subscriber[Changed] = Subscriber()
    feed.deliveries.join(subscriber)
    feed.listen(Told(kind=Kind.STARTED, receiver="loose", delivery=1))
    feed.listen(Told(kind=Kind.STARTED, receiver="other", delivery=2))
    assert await subscriber.next(10) == [Changed(2, "other", "started")]
    feed.deliveries.leave(subscriber)


async def test_events_of_other_processes_reach_subscribers(rung: EventType) -> None:
    subscriber: Subscriber[Happened] = Subscriber()
    feed.wait_for_events(subscriber)
    event = encode_fitting(Event.of(rung, sender="tower", arguments={"bell": 1}))
    feed.take({"events": [as_message(event)]})
    [happened] = await subscriber.next(10)
    assert (happened.position, happened.event.id) == (0, event.id)
    feed.wait_no_more(subscriber)


@pytest.mark.django_db
def test_what_nobody_waits_for_is_passed_over_and_not_loaded(rung: EventType, monkeypatch: pytest.MonkeyPatch) -> None:
    EventType("post_hung", arguments=("bell",), lane=lambda arguments: f"tower:{arguments['bell']}")
    for number in range(3):
        send_event(rung, "tower", bell=number)
        send_event(event_type("post_hung"), "tower", bell=number)
    asked: list[tuple[str | None, str]] = []
    loaded: list[UUID] = []

    def load(ids: Sequence[Any]) -> dict[Any, StoredEvent]:
        events = stored_events(ids)
        loaded.extend(event.id for event in events.values())
        return events

    def is_awaited(lane: str | None, kind: str) -> bool:
        asked.append((lane, kind))
        return lane == "tower:1"

    monkeypatch.setattr(log, "stored_events", load)
    [entry], end = log.awaited(0, is_awaited)
    assert (entry.position, entry.event.lane, end) == (4, "tower:1", 6)
    assert asked == [
        (lane, kind) for n in range(3) for lane, kind in ((None, "post_rung"), (f"tower:{n}", "post_hung"))
    ]
    assert log.awaited(4, is_awaited) == ([], 6)
    assert log.awaited(6, is_awaited) == ([], 6)
    assert loaded == [entry.event.id]


async def test_only_who_waits_for_it_has_the_log_read() -> None:
    rings: list[int] = []
    key = object()
    feed.grown[key] = lambda: rings.append(1)
    subscriber: Subscriber[Happened] = Subscriber(keys_of_subscriber(["case:1"], ["post_rung"]))
    feed.wait_for_events(subscriber)
    feed.take({"log": [["case:2", "post_rung"], ["case:1", "post_create_case"], [None, "post_rung"]]})
    assert rings == []
    feed.take({"log": [["case:2", "post_rung"], ["case:1", "post_rung"]]})
    assert rings == [1]
    feed.wait_no_more(subscriber)
    del feed.grown[key]


class Layer:
    """A channel layer in memory that fails as often as it is told."""

    group: ClassVar[list[asyncio.Queue[Any]]] = []
    failures: ClassVar[int] = 0

    def __init__(self, hosts: Any, prefix: str) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def new_channel(self) -> str:
        self._fail()
        return "channel"

    async def group_add(self, group: str, channel: str) -> None:
        self.group.append(self.queue)

    async def group_send(self, group: str, message: Any) -> None:
        self._fail()
        for queue in self.group:
            queue.put_nowait(message)

    async def receive(self, channel: str) -> Any:
        return await self.queue.get()

    async def flush(self) -> None: ...

    def _fail(self) -> None:
        if type(self).failures:
            type(self).failures -= 1
            raise ConnectionError


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> type[Layer]:
    settings.CHANNEL_LAYER_URL = "redis://nowhere"
    monkeypatch.setattr(bus, "LAYER", f"{__name__}.Layer")
    monkeypatch.setattr(bus, "_PAUSE", 0.01)
    Layer.group, Layer.failures = [], 0
    return Layer


def test_the_bus_hands_over_what_others_sent_and_not_its_own(layer: type[Layer]) -> None:
    got: list[Any] = []
    came = threading.Event()
    own = Bus()

    def take(message: Any) -> None:
        got.append(message)
        came.set()

    own.on_message = take
    own.start()
    own.start()
    own.send({"mine": 1})
    [queue] = layer.group
    own._run()._loop.call_soon_threadsafe(queue.put_nowait, {"from": "another", "parts": [{"theirs": 2}]})
    assert came.wait(20)
    own.close()
    own.close()
    assert got == [{"theirs": 2}]


def test_what_is_left_is_sent_when_it_closes_and_failures_are_logged(
    layer: type[Layer], caplog: pytest.LogCaptureFixture
) -> None:
    layer.failures = 1
    own = Bus()
    own.send({"lost": 1})
    own.start()
    own.send({"kept": 2})
    own.close()
    assert "could not be told" in caplog.text or "cannot be heard" in caplog.text
    own.forget()
    assert own._running is None


AT_THE_END = """
import asyncio, atexit, django
django.setup()
from caluma_async.events import bus

class Layer:
    def __init__(self, hosts, prefix): pass
    async def new_channel(self): return "channel"
    async def group_add(self, group, channel): pass
    async def receive(self, channel): await asyncio.Event().wait()
    async def flush(self): pass
    async def group_send(self, group, message):
        await asyncio.get_running_loop().getaddrinfo("localhost", 6379)
        print(message["parts"], flush=True)

bus.import_string = lambda name: Layer
bus.bus.start()
atexit.register(bus.bus.send, {"last": 1})  # before the bus closes, and after executors do
"""


def test_a_command_that_ends_still_finds_the_host_of_redis_by_its_name() -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "CHANNEL_LAYER_URL": "redis://localhost"}
    process = [sys.executable, "-c", AT_THE_END]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(process, env=environment, cwd=root, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[{'last': 1}]\n", "")


def test_it_says_what_is_missing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHANNEL_LAYER_URL = "redis://nowhere"
    monkeypatch.setitem(sys.modules, "channels_redis", None)
    for name in [name for name in sys.modules if name.startswith("channels_redis.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(Misconfigured, match=r"needs channels-redis: pip install 'caluma-async\[redis\]'"):
        Bus().start()


def test_it_says_what_is_missing_beside_it(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "half_a_layer.py").write_text("import async_clockwork\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings.CHANNEL_LAYER_URL = "redis://nowhere"
    monkeypatch.setattr(bus, "LAYER", "half_a_layer.Layer")
    with pytest.raises(Misconfigured, match=r"half_a_layer\.Layer, .*: No module named 'async_clockwork'"):
        Bus().start()


def test_without_a_layer_it_does_nothing(settings: Settings) -> None:
    settings.CHANNEL_LAYER_URL = ""
    own = Bus()
    own.send({"a": 1})
    own.start()
    own.close()
    assert own._running is None


@pytest.mark.django_db(transaction=True)
def test_a_feed_that_fails_harms_no_mutation(
    rung: EventType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(heard: Any) -> None:
        raise Misconfigured("no Redis here")

    monkeypatch.setattr(feed, "committed", fail)
    send_event(rung, "tower", bell=1)
    assert EventRecord.objects.count() == 1
    assert "no Redis here" in caplog.text
