"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asgiref.sync import SyncToAsync
from django.db import connection, connections
from django.utils import translation

from caluma_async.graphql.database import threads


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what only PostgreSQL can show, while the tests run on SQLite: the other run shows it."""
    if connection.vendor == "postgresql":
        return
    for item in list(items):
        if item.get_closest_marker("postgres"):
            items.remove(item)


@pytest.fixture
def is_postgres() -> bool:
    """Whether the tests run on PostgreSQL."""
    return connection.vendor == "postgresql"


@pytest.fixture(autouse=True)
def _no_language_left() -> Iterator[None]:
    """Django leaves a request's language in force on its thread; the next test knows nothing of that request."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _no_connections_left() -> Iterator[None]:
    """No connection of another thread outlives its test: the next one wants the tables, the last one the database."""
    yield
    threads.close()
    # where coroutines of tests call the database
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()
