"""Who is asking? One function of the site's answers that for every request. What they may do is decided elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from django.http import HttpRequest

from caluma_async.errors import Unauthenticated
from caluma_async.identity import ANONYMOUS, User

Authenticator = Callable[[HttpRequest], Awaitable[User]]
"""Gives the user of a request, or raises `Unauthenticated` (answered 401). Awaited on the event loop."""


async def anonymous(request: HttpRequest) -> User:
    """Nobody is known; a token, which nobody could check, is refused rather than passed over."""
    if request.headers.get("Authorization"):
        raise Unauthenticated("This server knows no tokens; send the request without the header Authorization.")
    return ANONYMOUS
