"""The engine's own connections still are Django's: cursors and objects work on them, and moments are what they were."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from caluma_async.events.models import Delivery
from caluma_async.events.outbox.dialect import tune
from caluma_async.prepared import run
from tests.integration.delivery_stage import stage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

MOMENTS = [datetime(2026, 11, 23, 11, 9, 13, micros, tzinfo=UTC) for micros in (0, 100_000, 123_450, 123_456)]


def tuned(function: Callable[[], Any]) -> Any:
    """On a thread with a tuned connection of its own, which is closed afterwards."""
    results: list[Any] = []

    def work() -> None:
        try:
            tune()
            results.append(function())
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.parametrize("moment", MOMENTS)
def test_moments_are_read_as_they_were_written(moment: datetime) -> None:
    assert tuned(lambda: run("SELECT %s::timestamptz", [moment])) == [(moment,)]


def test_objects_and_cursors_work_on_a_tuned_connection() -> None:
    with stage() as post:
        post.send(1)
    Delivery.objects.update(available_at=MOMENTS[3])

    def read() -> tuple[Any, Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT available_at FROM events_delivery")
            return cursor.fetchone()[0], Delivery.objects.get().available_at

    by_cursor, by_object = tuned(read)
    assert by_cursor == by_object == MOMENTS[3]
    assert by_object.tzinfo is UTC


def test_a_database_with_a_zone_of_its_own_keeps_it() -> None:
    def read() -> Any:
        wrapper: Any = connections["default"]
        wrapper.settings_dict = {**wrapper.settings_dict, "TIME_ZONE": "Europe/Zurich"}
        for known in ("timezone", "timezone_name"):
            vars(wrapper).pop(known, None)
        wrapper.ensure_timezone()
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT %s::timestamptz", [MOMENTS[0]])
            return cursor.fetchone()[0]

    moment = tuned(read)
    assert (moment, moment.utcoffset()) == (MOMENTS[0], timedelta(hours=1))
