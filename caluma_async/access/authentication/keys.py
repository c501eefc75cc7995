"""The identity provider's public keys: read once, read anew when one is missing, never more often than is good."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from caluma_async.access.authentication.provider import SILENT, Provider
from caluma_async.conf import settings
from caluma_async.errors import Unavailable

KINDS: Final[Mapping[str, str]] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""The kind of key (`kty`) that algorithms want, by the beginning of their names."""


class KeySet:
    """The keys at `OIDC_JWKS_ENDPOINT`. For one event loop."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._read_at = self._asked_at = float("-inf")

    async def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """The key of that id for signatures of that kind; without an id, the only one that there is.

        A key that is not known is looked for once more at the provider. Raises `Unavailable` if there are no keys to
        be had.
        """
        if self._age >= settings.OIDC_JWKS_LIFETIME:
            await self._renew()
        found = self._known(key_id, algorithm)
        if found is None and self._may_read:
            await self._read()
            found = self._known(key_id, algorithm)
        return found

    @property
    def _age(self) -> float:
        return self._clock() - self._read_at

    @property
    def _may_read(self) -> bool:
        """Whether it is time to ask again, or somebody does already."""
        rested = self._clock() - self._asked_at >= settings.OIDC_JWKS_COOLDOWN
        return rested or self._provider.is_asked(self)

    async def _renew(self) -> None:
        """Read the keys anew; while the provider is down the old ones hold for one lifetime more."""
        try:
            await self._read()
        except Unavailable:
            if self._age >= 2 * settings.OIDC_JWKS_LIFETIME:
                raise

    async def _read(self) -> None:
        if not self._may_read:
            raise Unavailable(SILENT)
        await self._provider.once(self, self._ask)

    async def _ask(self) -> None:
        self._asked_at = self._clock()
        _, answer = await self._provider.ask(settings.OIDC_JWKS_ENDPOINT)
        keys = answer.get("keys") if isinstance(answer, dict) else None
        if not isinstance(keys, list):
            raise Unavailable(SILENT)
        self._keys = [key for key in keys if isinstance(key, dict)]
        self._read_at = self._clock()

    def _known(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        fitting = [key for key in self._keys if _fits(key, algorithm)]
        if key_id is not None:
            fitting = [key for key in fitting if key.get("kid") == key_id]
        return _readable(fitting[0], algorithm) if len(fitting) == 1 else None


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    return (
        key.get("kty") == KINDS[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    )


def _readable(key: Mapping[str, Any], algorithm: str) -> PyJWK | None:
    try:
        return PyJWK(dict(key), algorithm=algorithm)
    except PyJWTError:
        return None
