"""Connections to a server of several processes: each of these takes its share of them."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_GIVES_WAY: Final = 20e-6
"""Seconds for each connection that a process has, for which it takes no other one."""

_MOST: Final = 10
"""So many of its connections count: answers wait for this, too."""


class SharedConnection(HttpToolsProtocol):
    """A connection after which its process lets others take theirs, for the longer the more it has itself.

    All processes listen on one socket, and whoever is awake takes what comes. One of them would take all connections of
    a client that opens several at once, or of a proxy that keeps them, and answer all requests with one core.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take it, and sleep: the loop takes no connection meanwhile. Threads go on."""
        super().connection_made(transport)
        time.sleep(min(len(self.connections), _MOST) * _GIVES_WAY)
