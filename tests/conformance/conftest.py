"""What the suite runs over, and what it starts from: empty tables, no receivers, no polling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import TransactionTestCase

from caluma_async.events.models import Delivery, EventRecord
from caluma_async.workflow.models import Case, Task, Workflow, WorkItem
from tests.integration.worker_stage import built, isolated, painted  # noqa: F401 - fixtures

TABLES: Final = (Delivery, EventRecord, WorkItem, Case, Task, Workflow, Group)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test over every carrier that it is about."""
    if "carrier" in metafunc.fixturenames:
        background = metafunc.definition.get_closest_marker("background") is not None
        procrastinate = pytest.param("procrastinate", marks=pytest.mark.postgres)
        metafunc.parametrize("carrier", ["asyncio", *([] if background else ["inline"]), procrastinate])


@pytest.fixture(autouse=True)
def _nobody_polls(settings: Any) -> None:
    settings.EVENT_POLL = 3600


@pytest.fixture(autouse=True, scope="package")
def _emptied_row_by_row() -> Iterator[None]:
    """To truncate all the tables there are takes PostgreSQL longer than the tests take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: _empty_tables())
        yield


def _empty_tables() -> None:
    for table in TABLES:
        table.objects.all().delete()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
