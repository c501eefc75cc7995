"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asgiref.sync import SyncToAsync
from django.db import connection, connections
from django.utils import translation

from caluma_async.events import EventType
from caluma_async.events.receivers import registry
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


@pytest.fixture
def isolated_receivers() -> Iterator[None]:
    """What the test registers and declares is forgotten after it."""
    with registry.isolated():
        yield


@pytest.fixture
def post(isolated_receivers: None) -> EventType:
    """An event of the test's own."""
    return EventType("post_paint", arguments=("wall",))


@pytest.fixture
def other(isolated_receivers: None) -> EventType:
    """Another one."""
    return EventType("post_dry", arguments=("wall",))


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
