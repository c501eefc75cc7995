"""What claiming and acknowledging one delivery costs in the database, with few and with many rows that wait."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.db import connection, transaction

from caluma_async.events import outbox
from caluma_async.events.clerk import Clerk, Look, Round
from caluma_async.events.lanes import Shares
from caluma_async.events.models import Delivery, State
from caluma_async.events.outbox import Hand, NewDelivery, Result, StoredEvent
from caluma_async.keys import uuid7

FEW, MANY, BLOCKED = 1_000, 80_000, 20_000
BATCH = 100
ROUNDS = 8
"""Of `BATCH` deliveries each: of the few rows most are taken then."""


def measure(seconds: float) -> dict[str, float]:
    """Milliseconds per delivery with 1 000 rows; with 100 000, of which 20 000 stand in one lane that is held."""
    few = _cost(lambda: _fill(FEW, "few"))
    Delivery.objects.all().delete()

    def fill() -> None:
        _fill(BLOCKED, "blocked", one_lane=True)
        Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(state=State.HELD)
        _fill(MANY, "many")

    return {"few": few, "many": _cost(fill)}


def _cost(fill: object) -> float:
    fill()  # type: ignore[operator]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    clerk = Clerk(Hand(owner=1, lease=60))
    results: list[Result] = []
    number, begun = 0, 0.0
    for turn in range(ROUNDS + 2):
        if turn == 1:  # the first one prepares the statements
            number, begun = 0, time.perf_counter()
        shares = Shares(BATCH, are_shared=False)
        look = Look(receivers={"receiver": "receiver"}, limit=BATCH, shares=shares, fresh=not turn)
        looks = {"async": look} if turn <= ROUNDS else {}
        report = clerk.work(Round(results=results, looks=looks))
        number += len(report.accepted)
        found = [claim for claims in report.found.values() for claim in claims]
        results = [Result(fence=claim.fence, state=State.DELIVERED) for claim in found]
    return (time.perf_counter() - begun) / number * 1_000


def _fill(number: int, name: str, *, one_lane: bool = False) -> None:
    for first in range(0, number, 1_000):
        events = [_event(f"{name}-{0 if one_lane else place:06}") for place in range(first, first + 1_000)]
        deliveries = [NewDelivery(event.id, "receiver", f"receiver|{event.lane}") for event in events]
        with transaction.atomic():
            outbox.record(events, deliveries)


def _event(lane: str) -> StoredEvent:
    key = uuid7()
    return StoredEvent(key, "bench", "null", "{}", "null", "null", lane, datetime.now(UTC), None, key, '["bench"]')
