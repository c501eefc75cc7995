"""A real server on a database of its own, for the time of a measurement."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of a new database on a PostgreSQL server; it is dropped in the end."""
    name = f"caluma_async_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def manage(database: str, *arguments: str, **settings: str) -> None:
    """Run a management command to its end."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=environment(database) | settings, stdout=subprocess.DEVNULL)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running(NamedTuple):
    """A server that answers; `pid` serves itself if it has one worker."""

    port: int
    pid: int


@contextmanager
def running_server(database: str, *, workers: int = 2, **settings: str) -> Iterator[Running]:
    """A running server; it is ended by SIGTERM."""
    port = free_port()
    own = {"PORT": str(port), "WORKERS": str(workers), "LOG_LEVEL": "WARNING", **settings}
    command = [sys.executable, str(ROOT / "manage.py"), "serve"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment(database) | own)
    try:
        _wait_until_it_answers(server, port)
        yield Running(port, server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def environment(database: str) -> dict[str, str]:
    """What a process of ours is started with: this database, and no receivers."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return kept | {"DATABASE_URL": database, "EVENT_RECEIVER_MODULES": ""}


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with status {server.returncode} before it answered")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not answer within 60 seconds")
