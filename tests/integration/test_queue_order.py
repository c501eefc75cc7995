"""Whatever is emitted, received and fails: each lane runs one at a time, in the order of emission, and nothing is lost.

Stories are made up, and told to real workers; `TEST_EXAMPLES` tells more of them.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection, connections, transaction
from hypothesis import given

from caluma_async.events import EventType, on, send_event
from caluma_async.events.models import Delivery
from caluma_async.events.outbox.recording import LANE_LOCKS
from caluma_async.events.receivers import registry
from caluma_async.events.telemetry import Kind
from tests.examples import LASTING, examples
from tests.integration.engine import delivering, in_thread
from tests.integration.order_stage import Elsewhere, Outcome, Stage, Story, expected, staged, states, stories

pytestmark = pytest.mark.django_db(transaction=True)

ENDS = (Kind.DELIVERED, Kind.FAILED, Kind.HELD, Kind.DISCARDED)


@pytest.fixture(autouse=True)
def _polling(settings: Any) -> None:
    """Often, so that looks come between everything else."""
    settings.EVENT_POLL = 0.02


@given(stories(emitters=1))
@examples(30, phases=LASTING)
async def test_one_worker_keeps_every_lane_in_order(story: Story) -> None:
    await _tell(story, workers=1)


@pytest.mark.postgres
@given(stories(emitters=3))
@examples(30, phases=LASTING)
async def test_two_workers_keep_every_lane_in_order_whoever_emits(story: Story) -> None:
    await _tell(story, workers=2)


@pytest.mark.postgres
def test_who_records_in_a_lane_waits_for_whoever_did_before_and_has_not_committed() -> None:
    with registry.isolated():
        event = EventType("post_told", arguments=("number",), lane=lambda given: "one")
        on(event, name="told", blocking=False)(lambda number, **kwargs: None)
        second = threading.Thread(target=_send_and_close, args=(event,))
        with transaction.atomic():
            send_event(event, number=1)
            second.start()
            while not _somebody_waits_for_a_lane():
                assert second.is_alive(), "it went past"
            send_event(event, number=3)
        second.join(30)
    assert [json.loads(row.event.arguments)["number"] for row in Delivery.objects.order_by("id")] == [1, 3, 2]


def _send_and_close(event: EventType) -> None:
    try:
        send_event(event, number=2)
    finally:
        connections.close_all()


def _somebody_waits_for_a_lane() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = %s", [LANE_LOCKS]
        )
        return bool(cursor.fetchone()[0])


async def _tell(story: Story, workers: int) -> None:
    with ExitStack() as opened:
        stage = await in_thread(opened.enter_context, staged(story))
        await in_thread(stage.emit, 0, 0, story.before)
        async with delivering() as (worker, heard):
            if workers > 1:
                await asyncio.to_thread(opened.enter_context, Elsewhere())
            others = range(1, len(story.emitters))
            await asyncio.gather(
                in_thread(stage.emit, 0, story.before),
                *[asyncio.to_thread(stage.emit_in_thread, number, 0) for number in others],
            )
            outcome = await in_thread(expected, stage)
            await heard.until_there_are(outcome.ends_told, *ENDS)
            await worker.idle()
            assert [room.taken for room in worker.rooms.values()] == [0, 0]
            await asyncio.to_thread(opened.close)
        await in_thread(_judge, stage, outcome)
        assert len(heard.of(*ENDS)) == outcome.ends_told
        assert not heard.of(Kind.LOST, Kind.STUMBLED, Kind.RECOVERED)


def _judge(stage: Stage, outcome: Outcome) -> None:
    for place, kind in enumerate(stage.story.kinds):
        name = f"told {place}"
        if kind.durable:
            assert states(name) == outcome.ends[place]
        if not kind.ordered:
            assert sorted(stage.ran.attempts(name)) == sorted(outcome.attempts[place, None])
            continue
        for (of, family), lane in outcome.lanes.items():
            if of == name:
                assert not stage.ran.overlaps(name, family)
                assert stage.ran.attempts(name, family) == outcome.attempts[place, family]
                _judge_emitters(stage, lane)


def _judge_emitters(stage: Stage, lane: list[int]) -> None:
    """What one of them emitted stands in the order in which he did."""
    for mine in stage.committed():
        numbers = [number for number, _ in mine]
        assert [number for number in lane if number in numbers] == sorted(set(lane).intersection(numbers))
