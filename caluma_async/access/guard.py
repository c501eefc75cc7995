"""Applications that are for machines which know a token, such as the one that collects metrics."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from caluma_async.conf import settings

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Guarded:
    """An ASGI application that answers only to those who send the token as bearer token.

    Without a token it answers to everybody in development, and to nobody in production.
    """

    def __init__(self, application: Application, *, token: str) -> None:
        self._application = application
        self._expected = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI `http` scope."""
        if self._admits(dict(scope["headers"]).get(b"authorization", b"")):
            await self._application(scope, receive, send)
            return
        headers = [(b"content-length", b"0"), (b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _admits(self, authorization: bytes) -> bool:
        if self._expected is None:
            return settings.ENV == "development"
        return hmac.compare_digest(authorization, self._expected)


def for_metrics(application: Application) -> Guarded:
    """The metrics, for those who know `EVENT_METRICS_TOKEN`."""
    return Guarded(application, token=settings.EVENT_METRICS_TOKEN)
