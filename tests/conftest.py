"""What every test may ask for."""

from __future__ import annotations

import pytest
from django.db import connection


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
