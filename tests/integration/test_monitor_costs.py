"""What the monitor's statements cost as the table grows: by index, and soon."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.outbox import dialect, figures
from caluma_async.monitor import board
from tests.integration.test_queue_plans import fill, plans

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 100_000


def fill_with_past(rows: int = MANY) -> UUID:
    """So many deliveries that are done, beside a few that are not; an event that caused others."""
    fill(rows, blocked=100)
    Delivery.objects.filter(id__gt=Delivery.objects.order_by("id")[1000].pk).update(state="delivered")
    Delivery.objects.filter(state="waiting", lane__isnull=True).update(state="failed", error="ValueError")
    first = EventRecord.objects.order_by("id")[0].pk
    caused = list(EventRecord.objects.order_by("-id").values_list("pk", flat=True)[:5])
    EventRecord.objects.filter(pk__in=[key for key in caused if key != first]).update(
        causation_id=first, correlation_id=first
    )
    EventRecord.objects.filter(pk=first).update(correlation_id=first)
    with connection.cursor() as cursor:
        vacuum = "VACUUM ANALYZE events_delivery, events_eventrecord"
        cursor.execute(vacuum if connection.vendor == "postgresql" else "ANALYZE")
    return first


@pytest.mark.postgres
def test_no_statement_reads_a_whole_table(django_capture_on_commit_callbacks: Any) -> None:
    event = fill_with_past()
    sent: list[tuple[str, Any]] = []

    def keep(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        sent.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(keep):
        board.board()
        found = figures.chain(event)
    assert found is not None
    assert len(found.events) >= 5
    assert len(sent) == 9
    for text, parameters in sent:
        for plan in plans(text, parameters):
            assert plan["Node Type"] != "Seq Scan", (text, plan)


def test_it_takes_little_time_beside_many_rows() -> None:
    fill_with_past()
    assert seconds_of_a_board() < 0.1


def test_a_long_queue_is_counted_in_time() -> None:
    fill(MANY, blocked=1000)
    assert board.board().totals["waiting"] == MANY - 1
    assert seconds_of_a_board() < 1


def seconds_of_a_board() -> float:
    return min(_seconds() for _ in range(5))


def _seconds() -> float:
    began = time.perf_counter()
    board.board()
    return time.perf_counter() - began


def test_dialects_agree_on_what_stands_where() -> None:
    fill(300, blocked=20)
    standings = figures.standings()
    assert {(one.receiver, one.state): one.number for one in standings} == {("a", "held"): 1, ("a", "waiting"): 299}
    assert all(one.oldest >= 0 for one in standings)
    assert dialect.dialect() is not None
