"""A real server process on the tests' database, and gates at which its receivers wait: nothing here waits for time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """The address of the database that the test itself works with."""
    of = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{of['NAME']}"
    return f"postgres://{of['USER']}:{of['PASSWORD']}@{of['HOST']}:{of['PORT']}/{of['NAME']}"


class Server:
    """A running `manage.py serve`. `url` is where it listens; `log` is all that it wrote, once it has stopped."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._log = folder / "server.log"
        inherited = {**os.environ, "DJANGO_SETTINGS_MODULE": "caluma_async.settings"}
        if "DATABASE_URL" not in environment:
            environment["DATABASE_URL"] = database_url()
        command = [sys.executable, "-W", "error::ResourceWarning", "manage.py", "serve", "--port", "0", *arguments]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited, **environment},
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # so that it can be killed with all its worker processes
            )
        self.welcome = self._read_welcome()
        self.url = self.welcome.split()[1].removesuffix("/graphql")

    def _read_welcome(self) -> str:
        output = self.process.stdout
        assert output is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("Stop with"):
            line = output.readline().decode()
            if not line:
                raise AssertionError(f"The server ended with {self.wait()}:\n{self.log}")
            lines.append(line)
        return "".join(lines)

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return self._log.read_text()

    def ask(self, query: str, **variables: object) -> httpx.Response:
        """Post one document."""
        return httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell the server to stop, and wait until it has: its exit status."""
        self.process.send_signal(how)
        return self.wait()

    def kill(self) -> None:
        """End it with all its worker processes, without a word to any of them."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait until the server has stopped: its exit status."""
        status = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


@contextmanager
def serving(folder: Path, *arguments: str, **environment: str) -> Iterator[Server]:
    """A server for the time of a block."""
    server = Server(folder, *arguments, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


class Gate:
    """A place where a receiver of the server waits, in two pipes: it says that it is there, and is let through.

    Opening a pipe waits until somebody opens its other end.
    """

    def __init__(self, folder: Path) -> None:
        self._reached, self._opened = folder / "reached", folder / "opened"

    def build(self) -> None:
        """Make the pipes."""
        os.mkfifo(self._reached)
        os.mkfifo(self._opened)

    def pass_through(self) -> None:
        """In the receiver: say that it is there, and wait."""
        self._reached.open("w").close()
        self._opened.open().close()

    def wait_until_reached(self) -> None:
        """In the test: wait until a receiver is there."""
        self._within_a_minute(self._reached, "r")

    def open(self) -> None:
        """In the test: let the receiver through."""
        self._within_a_minute(self._opened, "w")

    @staticmethod
    def _within_a_minute(pipe: Path, mode: str) -> None:
        waiting = threading.Thread(target=lambda: pipe.open(mode).close(), daemon=True)
        waiting.start()
        waiting.join(60)
        assert not waiting.is_alive(), "No receiver came to the gate."
