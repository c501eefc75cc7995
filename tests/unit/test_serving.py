"""Which application answers which request, and what stops in which order; the server's command without a server."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings
from uvicorn.supervisors import Multiprocess

from caluma_async.graphql import database
from caluma_async.graphql.perform import under_way
from caluma_async.lifespan import Lifespan
from caluma_async.serving import protocols, register_database, register_mutations
from caluma_async.sharing import SharedConnection


def named(name: str, answered: list[str]) -> Callable[[Any, Any, Any], Awaitable[None]]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        answered.append(name)

    return application


@pytest.mark.parametrize(
    ("path", "root_path", "answers"),
    [
        ("/graphql", "", "graphql"),
        ("/graphql/", "", "graphql"),
        ("/graphql//", "", "django"),
        ("/graphqlx", "", "django"),
        ("/healthz", "", "health"),
        ("/", "", "django"),
        ("/admin/", "", "django"),
        ("/prefix/graphql", "/prefix", "graphql"),
        ("/prefix/graphql", "/prefix/", "graphql"),
        ("/prefix/graphql", "", "django"),
    ],
)
async def test_requests_are_routed_by_their_whole_path(path: str, root_path: str, answers: str) -> None:
    answered: list[str] = []
    paths = {"/graphql": named("graphql", answered), "/healthz": named("health", answered)}
    application = protocols(paths, otherwise=named("django", answered), lifespan=Lifespan())
    await application({"type": "http", "path": path, "root_path": root_path}, None, None)
    assert answered == [answers]


async def test_mutations_are_waited_for_before_the_threads_are_closed(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.SHUTDOWN_TIMEOUT = 7.0
    stopped: list[object] = []

    async def finished(seconds: float) -> bool:
        stopped.append(("mutations", seconds))
        return True

    monkeypatch.setattr(under_way, "finished", finished)
    monkeypatch.setattr(database.threads, "close", lambda: stopped.append("threads"))
    lifespan = Lifespan()
    register_database(lifespan)
    register_mutations(lifespan)
    await lifespan.start()
    await lifespan.stop()
    assert stopped == [("mutations", 7.0), "threads"]
    monkeypatch.undo()


class Started:
    """What `serve` would have run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, starts: bool = True) -> None:
        self.configs: list[uvicorn.Config] = []

        def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
            self.configs.append(server.config)
            server.started = starts
            if starts:
                raise KeyboardInterrupt

        def run_several(several: Multiprocess) -> None:
            self.configs.append(several.config)

        monkeypatch.setattr(uvicorn.Server, "run", run)
        monkeypatch.setattr(Multiprocess, "run", run_several)


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "http://127.0.0.1:"), ("::", "http://[::1]:"), ("::1", "http://[::1]:")]
)
def test_the_address_that_is_printed_can_be_opened(
    host: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = Started(monkeypatch)
    call_command("serve", host=host, port=0)
    assert f"GraphQL  {shown}" in capsys.readouterr().out
    [config] = started.configs
    assert (config.loop, config.http, config.lifespan, config.access_log) == ("uvloop", "httptools", "on", False)


def test_host_port_and_workers_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("HOST", "localhost")
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("WORKERS", "3")
    started = Started(monkeypatch)
    call_command("serve")
    assert f"http://localhost:{port}/graphql" in capsys.readouterr().out
    [config] = started.configs
    assert (config.workers, config.http) == (3, SharedConnection)


def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CommandError, match=f"Cannot listen on 127.0.0.1 port {port}: .*PORT and HOST choose others"
        ):
            call_command("serve", host="127.0.0.1", port=port)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_an_impossible_port_is_said_in_a_sentence(port: int) -> None:
    with pytest.raises(CommandError, match=f"Port {port} does not exist"):
        call_command("serve", host="127.0.0.1", port=port)


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_said_in_a_sentence(workers: int) -> None:
    with pytest.raises(CommandError, match="WORKERS must be 1 or more"):
        call_command("serve", host="127.0.0.1", port=0, workers=workers)


def test_a_server_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    Started(monkeypatch, starts=False)
    with pytest.raises(CommandError, match="did not start"):
        call_command("serve", host="127.0.0.1", port=0)
