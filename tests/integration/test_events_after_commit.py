"""Receivers that do not block run after the commit, never inside the transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from caluma_async.events import EventType, after_commit, filter_events, on, scope, send_event
from caluma_async.events.emit import watchers
from caluma_async.events.event import Event
from caluma_async.events.receivers import registry
from caluma_async.events.scope import use_recorder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    before = list(scope._recorders)
    use_recorder(after_commit.record)
    with registry.isolated():
        yield
    scope._recorders[:] = before


@pytest.fixture
def post() -> EventType:
    return EventType("post_paint", arguments=("wall",))


def test_they_run_after_the_commit(post: EventType) -> None:
    ran = []

    @on(post)
    async def asynchronous(wall: str, **kwargs: Any) -> None:
        ran.append((wall, await Group.objects.filter(name="verb").aexists()))

    @on(post, blocking=False)
    def threaded(wall: str) -> None:
        ran.append((wall, connection.in_atomic_block))

    with transaction.atomic():
        Group.objects.create(name="verb")
        send_event(post, wall="north")
        assert ran == []
    assert ran == [("north", True), ("north", False)]


def test_they_do_not_run_after_a_rollback(post: EventType) -> None:
    ran = []
    on(post, blocking=False)(lambda **kwargs: ran.append(kwargs))
    with transaction.atomic():
        send_event(post, wall="north")
        transaction.set_rollback(True)
    assert ran == []


def test_an_error_is_logged_and_the_next_ones_run(post: EventType, caplog: pytest.LogCaptureFixture) -> None:
    ran = []
    on(post, blocking=False, name="failing")(lambda **kwargs: 1 / 0)
    on(post, blocking=False, name="misled")(filter_events(lambda wall: wall.no_such)(lambda **kwargs: ran.append("no")))
    on(post, blocking=False, name="next")(lambda **kwargs: ran.append("next"))
    send_event(post, wall="north")
    assert ran == ["next"]
    assert [record.getMessage() for record in caplog.records] == [
        "failing failed on post_paint.",
        "misled failed on post_paint.",
    ]


def test_what_they_emit_is_caused_by_their_event(post: EventType) -> None:
    seen: list[Event] = []
    other = EventType("post_dry")
    on(post, blocking=False)(lambda **kwargs: send_event(other))
    watchers.append(seen.append)
    try:
        send_event(post, wall="north")
    finally:
        watchers.clear()
    assert seen[1].causation_id == seen[0].id
