"""Tokens that only the identity provider understands: it is asked, and its answers are kept for a while."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from caluma_async.access.authentication.provider import SILENT, Provider
from caluma_async.conf import settings
from caluma_async.errors import Unauthenticated, Unavailable

MOST: Final = 10_000
"""Answers that are kept; the one that was used longest ago goes first."""


class Userinfo:
    """What the provider's `OIDC_USERINFO_ENDPOINT` says of tokens. For one event loop."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._kept: OrderedDict[bytes, tuple[float, Mapping[str, Any]]] = OrderedDict()

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What the provider says of the token; raises `Unauthenticated` or `Unavailable`."""
        # not the token itself: nothing in memory could be used again
        digest = hashlib.sha256(token.encode()).digest()
        until, claims = self._kept.get(digest, (0.0, {}))
        if until > self._clock():
            self._kept.move_to_end(digest)
            return claims
        return await self._provider.once(digest, lambda: self._ask(token, digest))

    async def _ask(self, token: str, digest: bytes) -> Mapping[str, Any]:
        self._kept.pop(digest, None)
        address = settings.OIDC_USERINFO_ENDPOINT
        status, claims = await self._provider.ask(address, {"Authorization": f"Bearer {token}"})
        if status in {400, 401, 403}:
            raise Unauthenticated("The identity provider does not accept the token.")
        if not isinstance(claims, dict):
            raise Unavailable(SILENT)
        self._keep(digest, claims)
        return claims

    def _keep(self, digest: bytes, claims: Mapping[str, Any]) -> None:
        if settings.OIDC_BEARER_TOKEN_REVALIDATION_TIME > 0:
            self._kept[digest] = (self._clock() + settings.OIDC_BEARER_TOKEN_REVALIDATION_TIME, claims)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
