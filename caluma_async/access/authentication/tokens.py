"""JSON Web Tokens, checked here: signature, issuer, audience and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jwt
from jwt import exceptions

from caluma_async.access.authentication.keys import KeySet
from caluma_async.access.authentication.provider import Provider
from caluma_async.conf import settings
from caluma_async.errors import Unauthenticated

NEEDED: Final = ("exp", "iss", "aud")
"""Claims without which a token would hold for ever, or for everybody."""

REASONS: Final[Mapping[type[Exception], str]] = {
    exceptions.ExpiredSignatureError: "The token has expired.",
    exceptions.ImmatureSignatureError: "The token is not valid yet.",
    exceptions.InvalidIssuerError: "The token is of another issuer.",
    exceptions.InvalidAudienceError: "The token is for another audience.",
    exceptions.InvalidSignatureError: "The signature of the token is wrong.",
    exceptions.MissingRequiredClaimError: "The token lacks one of the claims exp, iss and aud.",
}


class SignedTokens:
    """What tokens say that the provider has signed. It is asked for its keys only. For one event loop."""

    def __init__(self, provider: Provider) -> None:
        self._keys = KeySet(provider)

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What the token says; raises `Unauthenticated`, or `Unavailable` where there are no keys."""
        algorithm, key_id = self._header(token)
        key = await self._keys.find(key_id, algorithm)
        if key is None:
            raise Unauthenticated("The token is signed with an unknown key.")
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=list(settings.OIDC_AUDIENCE),
                issuer=settings.OIDC_ISSUER,
                leeway=settings.OIDC_LEEWAY,
                options={"require": list(NEEDED)},
            )
        except (exceptions.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthenticated(REASONS.get(type(error), "The token is not valid.")) from error
        return claims

    def _header(self, token: str) -> tuple[str, str | None]:
        """The algorithm, one of those that are accepted, and the key's id."""
        try:
            header = jwt.get_unverified_header(token)
        except (exceptions.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthenticated("The token is no JSON Web Token.") from error
        algorithm = header.get("alg")
        if algorithm not in settings.OIDC_ALGORITHMS:
            raise Unauthenticated("The token is signed in a way that is not accepted.")
        return str(algorithm), header.get("kid")
