"""`manage.py serve`: the server, as `make run` starts it. What it serves is put together in `asgi.py`."""

from __future__ import annotations

import os
import socket
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandError
from uvicorn.supervisors import Multiprocess

from caluma_async.conf import Environment, of_django, settings
from caluma_async.sharing import SharedConnection

BACKLOG = 2048
IDLE_SECONDS = 75
"""How long a connection may wait for its next request: longer than the proxies in front of it do."""

WELCOME = """\
GraphQL  {url}/graphql
Admin    {url}/admin/
Health   {url}/healthz

Start a case:

  curl -s {url}/graphql -H 'Content-Type: application/json' -d '{body}'

Stop with Ctrl-C."""

EXAMPLE = (
    '{"query": "mutation { saveCase(input: {workflow: \\"building-permit\\"}) '
    '{ case { id workItems { edges { node { id task { slug } } } } } } }"}'
)


class Command(BaseCommand):
    """Serves on HOST and PORT, in WORKERS processes, until it is told to stop."""

    help = "Serve GraphQL and the admin; HOST, PORT and WORKERS come from the environment or .env."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The environment's values, for once given otherwise."""
        environment = Environment(of_django("BASE_DIR") / ".env")
        parser.add_argument("--host", default=environment.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=environment.integer("PORT", 8000), help="0: any that is free")
        parser.add_argument("--workers", type=int, default=environment.integer("WORKERS", 1), help="processes")

    def handle(self, *, host: str, port: int, workers: int, **options: Any) -> None:
        """Listen, say where, serve."""
        if workers < 1:
            raise CommandError(f"{workers} workers serve nobody; WORKERS must be 1 or more.")
        with _listening(host, port) as listener:
            self.stdout.write(WELCOME.format(url=_url(host, listener), body=EXAMPLE), ending="\n\n")
            self.stdout.flush()
            _serve(listener, workers)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections at once: those that come early wait for the server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not 0 <= port < 65536:
        raise CommandError(f"Port {port} does not exist; PORT must be 0 to 65535.")
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CommandError(f"Cannot listen on {host} port {port}: {error}. PORT and HOST choose others.") from error


def _url(host: str, listener: socket.socket) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{listener.getsockname()[1]}"


def _serve(listener: socket.socket, workers: int) -> None:
    config = uvicorn.Config(
        "asgi:application",
        loop="auto" if os.name == "nt" else "uvloop",
        http=SharedConnection if workers > 1 else "httptools",
        ws="websockets-sansio",
        lifespan="on",
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=round(settings.SHUTDOWN_TIMEOUT),
    )
    try:
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            _serve_here(config, listener)
    except KeyboardInterrupt:
        return  # Ctrl-C: everything has been stopped in order


def _serve_here(config: uvicorn.Config, listener: socket.socket) -> None:
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        raise CommandError("The server did not start; the log says why.")
