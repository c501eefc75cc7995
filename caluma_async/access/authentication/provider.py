"""The identity provider over HTTP: asked without holding anything else up, and given up after a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, Final, TypeVar

import httpx

from caluma_async.conf import settings
from caluma_async.errors import Unavailable

R = TypeVar("R")
logger = logging.getLogger("caluma_async.authentication")

SILENT: Final = "The identity provider does not answer; try again later."
MOST_CONNECTIONS: Final = 20


class Provider:
    """Asks for JSON. What several ask for at the same time is asked once. For one event loop."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._under_way: dict[Hashable, asyncio.Future[Any]] = {}

    async def once(self, what: Hashable, ask: Callable[[], Awaitable[R]]) -> R:
        """What `ask` gives; whoever comes while it is under way for the same `what` gets the same."""
        asked = self._under_way.get(what)
        if asked is None:
            asked = self._under_way[what] = asyncio.ensure_future(ask())
            asked.add_done_callback(lambda done: self._answered(what, done))
        # the one who asked first may leave: the others still wait
        answer: R = await asyncio.shield(asked)
        return answer

    def is_asked(self, what: Hashable) -> bool:
        """Whether that is under way."""
        return what in self._under_way

    async def ask(self, address: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """The status, and the JSON of a 200. Raises `Unavailable` if there is no answer in time, or no sense in it."""
        try:
            async with asyncio.timeout(settings.OIDC_TIMEOUT):
                response = await self._connected().get(address, headers=headers)
            if response.status_code == httpx.codes.OK:
                return response.status_code, response.json()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
            raise self._silent(address, type(error).__name__) from error
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise self._silent(address, f"status {response.status_code}")
        return response.status_code, None

    async def close(self) -> None:
        """Close the connections; those who wait for an answer get none."""
        for asked in list(self._under_way.values()):
            asked.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _answered(self, what: Hashable, done: asyncio.Future[Any]) -> None:
        del self._under_way[what]
        if not done.cancelled():
            done.exception()  # everybody who wanted to know may have left

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=settings.OIDC_VERIFY_SSL,
                timeout=settings.OIDC_TIMEOUT,
                limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
            )
        return self._client

    def _silent(self, address: str, reason: str) -> Unavailable:
        logger.warning("The identity provider at %s does not answer: %s.", address, reason)
        return Unavailable(SILENT)
