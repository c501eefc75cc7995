"""From a request to its user: by the bearer token in it, in the way that the settings choose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from django.http import HttpRequest
from django.utils.module_loading import import_string

from caluma_async.access.authentication.failures import failures
from caluma_async.access.authentication.provider import Provider
from caluma_async.access.authentication.tokens import SignedTokens
from caluma_async.access.authentication.userinfo import Userinfo
from caluma_async.access.authentication.users import acting_for
from caluma_async.conf import settings
from caluma_async.errors import Misconfigured, Unauthenticated
from caluma_async.identity import ANONYMOUS, User

Authenticator = Callable[[HttpRequest], Awaitable[User]]
"""Gives the user of a request, or refuses.

Raises `Unauthenticated` (answered 401), `NotAllowed` (403) or `Unavailable` (503). Awaited on the event loop.
"""

LONGEST: Final = 16_384
"""Characters of a token."""


class Tokens(Protocol):
    """A way to find out what a token says."""

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What the token says; raises `Unauthenticated` or `Unavailable`."""


class Bearer:
    """Authentication for one event loop, with what it keeps: keys, answers, and connections to the provider."""

    def __init__(self) -> None:
        self._provider = Provider()
        self._tokens = self._way()

    async def user_of(self, token: str) -> User:
        """The user that the token is about."""
        if self._tokens is None:
            raise Unauthenticated("This server knows no tokens; send the request without the header Authorization.")
        claims = await self._tokens.claims(token)
        user = import_string(settings.OIDC_USER_FACTORY)(token, claims)
        if not isinstance(user, User):
            raise Misconfigured(f"OIDC_USER_FACTORY must make a User, not {type(user).__name__}.")
        return user

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._provider.close()

    def _way(self) -> Tokens | None:
        if settings.OIDC_JWKS_ENDPOINT:
            return SignedTokens(self._provider)
        return Userinfo(self._provider) if settings.OIDC_USERINFO_ENDPOINT else None


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Bearer] = WeakKeyDictionary()


async def authenticate(request: HttpRequest) -> User:
    """The user of the request's bearer token; nobody where there is none. The setting `AUTHENTICATOR` names this."""
    try:
        token = token_of(request.headers.get("Authorization", ""))
        if token is None:
            return ANONYMOUS
        user = await _here().user_of(token)
    except Unauthenticated as error:
        failures.note(request.META.get("REMOTE_ADDR") or "nowhere", error.message)
        raise
    return acting_for(user, request.headers.get(settings.GROUP_HEADER, ""))


def token_of(authorization: str) -> str | None:
    """The token in the header; `None` where there is no header. Raises `Unauthenticated` for anything else."""
    if not authorization.strip():
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("The header Authorization must be: Bearer, a space, and the token.")
    token = token.strip()
    if not token or not token.isascii() or len(token) > LONGEST:
        raise Unauthenticated("The header Authorization holds no token.")
    return token


async def close() -> None:
    """Close what this event loop keeps open; safe to call twice."""
    bearer = _of_loops.pop(asyncio.get_running_loop(), None)
    if bearer is not None:
        await bearer.close()


def _here() -> Bearer:
    loop = asyncio.get_running_loop()
    bearer = _of_loops.get(loop)
    if bearer is None:
        bearer = _of_loops[loop] = Bearer()
    return bearer
