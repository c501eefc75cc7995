"""Bearer tokens that the server checks itself: which ones it takes, and whose keys."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pytest_django import Settings

from caluma_async.access.authentication import authenticate, bearer, close
from caluma_async.access.authentication.failures import Failures
from caluma_async.access.authentication.keys import KeySet
from caluma_async.access.authentication.provider import Provider
from caluma_async.errors import Unauthenticated, Unavailable
from tests.door import ask, client_of, door, messages
from tests.identity_provider import (
    AUDIENCE,
    ISSUER,
    IdentityProvider,
    identity_provider,
    private_key,
    public_jwk,
    token,
)

UNKNOWN = "The token is signed with an unknown key."
SILENT = "The identity provider does not answer; try again later."


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def provider(settings: Settings) -> AsyncIterator[IdentityProvider]:
    """Tokens are checked here, by the keys of this provider."""
    with identity_provider() as one:
        settings.OIDC_JWKS_ENDPOINT = one.keys_at
        settings.OIDC_ISSUER = ISSUER
        settings.OIDC_AUDIENCE = ["other", AUDIENCE]
        yield one
        one.go_on.set()
        await close()


async def whoami(given: str | None, **headers: str) -> httpx.Response:
    """Ask who one is, with that token."""
    if given is not None:
        headers["Authorization"] = f"Bearer {given}"
    return await ask(door(authenticator=authenticate), "{ user }", headers)


async def user_of(given: str | None) -> Any:
    response = await whoami(given)
    assert response.status_code == 200, response.text
    return response.json()["data"]["user"]


async def refusal_of(given: str) -> str:
    response = await whoami(given)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "data" not in response.json()
    return messages(response)


async def test_a_token_of_the_provider_says_who_one_is(provider: IdentityProvider) -> None:
    assert await user_of(token()) == "anna"
    assert await user_of(token(sub="ben")) == "ben"
    assert provider.asked == ["/keys"]


async def test_without_a_token_one_is_nobody(provider: IdentityProvider) -> None:
    assert await user_of(None) is None
    assert provider.asked == []


def unsigned(**claims: Any) -> str:
    return token(key=None, algorithm="none", **claims)


def signed_with_the_public_key() -> str:
    """HMAC with what everybody knows; made by hand, since no library makes it."""
    public = private_key("first").public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header, payload = _part(b'{"alg":"HS256","kid":"first"}'), token().split(".")[1]
    signature = hmac.digest(pem, f"{header}.{payload}".encode(), "sha256")
    return f"{header}.{payload}.{_part(signature)}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: token(lasts=-60), "The token has expired."),
        (lambda: token(iss="https://elsewhere.example.org"), "The token is of another issuer."),
        (lambda: token(aud="somebody-else"), "The token is for another audience."),
        (lambda: token(exp=None), "The token lacks one of the claims exp, iss and aud."),
        (lambda: token(iss=None), "The token lacks one of the claims exp, iss and aud."),
        (lambda: token(aud=None), "The token lacks one of the claims exp, iss and aud."),
        (lambda: token(nbf=4_000_000_000), "The token is not valid yet."),
        (lambda: token(exp="never"), "The token is not valid."),
        (unsigned, "The token is signed in a way that is not accepted."),
        (signed_with_the_public_key, "The token is signed in a way that is not accepted."),
        (lambda: token(key="secret" * 8, algorithm="HS256"), "The token is signed in a way that is not accepted."),
        (lambda: token(algorithm="RS512"), "The token is signed in a way that is not accepted."),
        (lambda: token(key="second"), "The signature of the token is wrong."),
        (lambda: token()[:-4] + "AAAA", "The signature of the token is wrong."),
        (lambda: token(key="second", kid="second"), UNKNOWN),
        (lambda: token(kid="../../first"), UNKNOWN),
        (lambda: token(sub=None), "The token names no user: it has no claim sub."),
        (lambda: token(sub=""), "The token names no user: it has no claim sub."),
        (lambda: "abc", "The token is no JSON Web Token."),
        (lambda: "a.b.c", "The token is no JSON Web Token."),
        (lambda: base64.b64encode(b"[" * 9000).decode() + ".e30.x", "The token is no JSON Web Token."),
        (lambda: "a" * 17_000, "The header Authorization holds no token."),
    ],
)
async def test_a_token_that_is_not_good_is_refused_with_the_reason(
    provider: IdentityProvider, made: Any, reason: str
) -> None:
    assert await refusal_of(made()) == reason


async def test_another_scheme_than_bearer_is_refused(provider: IdentityProvider) -> None:
    response = await whoami(None, Authorization="Basic YTpi")
    assert (response.status_code, messages(response)) == (
        401,
        "The header Authorization must be: Bearer, a space, and the token.",
    )


@pytest.mark.parametrize("header", ["Bearer", "bearer  ", "Bearer tökén"])
def test_a_header_without_a_token_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated, match="The header Authorization"):
        bearer.token_of(header)


async def test_clocks_may_differ_by_the_leeway(provider: IdentityProvider, settings: Settings) -> None:
    settings.OIDC_LEEWAY = 90.0
    assert await user_of(token(lasts=-60)) == "anna"
    assert await refusal_of(token(lasts=-120)) == "The token has expired."


async def test_several_audiences_and_a_client_without_a_user(provider: IdentityProvider) -> None:
    assert await user_of(token(aud=["x", "other"], sub=None, azp="nightly-import")) == "nightly-import"


async def test_a_token_without_a_key_id_is_checked_with_the_only_key(
    provider: IdentityProvider, settings: Settings
) -> None:
    assert await user_of(token(kid=None)) == "anna"
    provider.keys = {"keys": [public_jwk("first"), public_jwk("second")]}
    await close()
    assert await refusal_of(token(kid=None)) == UNKNOWN


async def test_another_algorithm_has_to_be_listed(provider: IdentityProvider, settings: Settings) -> None:
    settings.OIDC_ALGORITHMS = ["ES256", "RS512"]
    curve = ec.generate_private_key(ec.SECP256R1())
    jwk = {**ECAlgorithm.to_jwk(curve.public_key(), as_dict=True), "kid": "curve"}
    provider.keys = {"keys": [jwk, public_jwk("first")]}
    assert await user_of(token(key=curve, kid="curve", algorithm="ES256")) == "anna"
    assert await user_of(token(algorithm="RS512")) == "anna"
    assert await refusal_of(token()) == "The token is signed in a way that is not accepted."


@pytest.mark.parametrize(
    "unfit",
    [
        public_jwk("first", use="enc"),
        public_jwk("first", alg="RS512"),
        {"kid": "first", "kty": "oct", "k": "c2VjcmV0"},
        {"kid": "first", "kty": "RSA", "n": "?", "e": "AQAB"},
        {"kid": "first", "kty": "RSA"},
        "first",
    ],
)
async def test_keys_that_are_not_for_this_are_not_used(provider: IdentityProvider, unfit: Any) -> None:
    provider.keys = {"keys": [unfit]}
    assert await refusal_of(token()) == UNKNOWN


async def test_a_rotated_key_is_fetched_when_a_token_names_it(provider: IdentityProvider, settings: Settings) -> None:
    settings.OIDC_JWKS_COOLDOWN = 0.0
    assert await user_of(token()) == "anna"
    provider.keys = {"keys": [public_jwk("second")]}
    assert await user_of(token(key="second", kid="second")) == "anna"
    assert await refusal_of(token()) == UNKNOWN


async def test_unknown_keys_do_not_make_the_server_ask_again_and_again(provider: IdentityProvider) -> None:
    for number in range(20):
        assert await refusal_of(token(kid=f"key-{number}")) == UNKNOWN
    assert provider.asked == ["/keys"]


async def test_a_provider_that_is_down_is_answered_503(provider: IdentityProvider, settings: Settings) -> None:
    settings.OIDC_JWKS_ENDPOINT = "http://127.0.0.1:1/keys"
    response = await whoami(token())
    assert (response.status_code, messages(response)) == (503, SILENT)
    assert response.headers["Retry-After"]
    assert await user_of(None) is None


@pytest.mark.parametrize("answer", [500, 429, 404])
async def test_a_provider_that_is_in_trouble_is_answered_503(provider: IdentityProvider, answer: int) -> None:
    provider.status = answer
    assert (await whoami(token())).status_code == 503


@pytest.mark.parametrize("answer", [[], {"keys": "none"}, {}])
async def test_a_provider_that_talks_nonsense_is_answered_503(provider: IdentityProvider, answer: Any) -> None:
    provider.keys = answer
    assert (await whoami(token())).status_code == 503


async def test_a_provider_that_does_not_answer_is_given_up(
    provider: IdentityProvider, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OIDC_TIMEOUT = 0.1
    provider.go_on.clear()
    response = await whoami(token())
    assert (response.status_code, messages(response)) == (503, SILENT)
    assert any("does not answer: " in line for line in caplog.messages)


async def test_a_slow_provider_holds_up_only_those_who_need_it(provider: IdentityProvider) -> None:
    provider.go_on.clear()
    async with client_of(door(authenticator=authenticate)) as client:
        headers = {"Authorization": f"Bearer {token()}"}
        waiting = [
            asyncio.ensure_future(client.post("/graphql", json={"query": "{ user }"}, headers=headers))
            for _ in range(5)
        ]
        for _ in range(10):
            response = await client.post("/graphql", json={"query": "{ hello }"})
            assert response.json()["data"] == {"hello": "hello world"}
        assert not any(each.done() for each in waiting)
        provider.go_on.set()
        answers = await asyncio.gather(*waiting)
    assert {each.json()["data"]["user"] for each in answers} == {"anna"}
    assert provider.asked == ["/keys"]


async def test_who_waits_for_the_keys_gets_them_though_the_one_who_asked_has_left(provider: IdentityProvider) -> None:
    provider.go_on.clear()
    first = asyncio.ensure_future(whoami(token()))
    await provider.has_been_asked()
    second = asyncio.ensure_future(whoami(token()))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    provider.go_on.set()
    assert (await second).json()["data"]["user"] == "anna"


class Answers(Provider):
    """A provider whose answers are at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[Any] | None = [public_jwk("first")]
        self.asked = 0

    async def ask(self, address: str, headers: Any = None) -> tuple[int, Any]:
        self.asked += 1
        if self.keys is None:
            raise Unavailable(SILENT)
        return 200, {"keys": self.keys}


async def test_keys_are_read_anew_after_a_while_and_hold_twice_as_long_while_the_provider_is_down(
    settings: Settings,
) -> None:
    settings.OIDC_JWKS_LIFETIME, settings.OIDC_JWKS_COOLDOWN = 100.0, 10.0
    clock, provider = Clock(), Answers()
    keys = KeySet(provider, clock)
    assert await keys.find("first", "RS256") is not None
    clock.now += 99
    assert await keys.find("first", "RS256") is not None
    assert provider.asked == 1
    clock.now += 1
    provider.keys = None
    assert await keys.find("first", "RS256") is not None
    assert await keys.find("first", "RS256") is not None
    assert provider.asked == 2  # not asked again at once
    clock.now += 99
    assert await keys.find("first", "RS256") is not None
    clock.now += 1
    with pytest.raises(Unavailable):
        await keys.find("first", "RS256")
    asked = provider.asked
    with pytest.raises(Unavailable):
        await keys.find("first", "RS256")
    assert provider.asked == asked
    provider.keys = []
    clock.now += 10
    assert await keys.find("first", "RS256") is None


async def test_an_unknown_key_is_looked_for_again_after_the_cooldown(settings: Settings) -> None:
    settings.OIDC_JWKS_COOLDOWN = 10.0
    clock, provider = Clock(), Answers()
    keys = KeySet(provider, clock)
    assert await keys.find("second", "RS256") is None
    provider.keys = [public_jwk("second")]
    clock.now += 9
    assert await keys.find("second", "RS256") is None
    clock.now += 1
    assert await keys.find("second", "RS256") is not None


async def test_who_names_a_new_key_while_it_is_being_read_waits_for_it(provider: IdentityProvider) -> None:
    provider.go_on.clear()
    first = asyncio.ensure_future(whoami(token()))
    await provider.has_been_asked()
    second = asyncio.ensure_future(whoami(token(kid="second", key="second")))
    provider.keys = {"keys": [public_jwk("first"), public_jwk("second")]}
    provider.go_on.set()
    assert [each.status_code for each in await asyncio.gather(first, second)] == [200, 200]


async def test_refused_tokens_are_logged_without_what_is_in_them(
    provider: IdentityProvider, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer, "failures", Failures())
    given = token(sub="a-secret-name", aud="a-secret-audience", kid="a-secret-key")
    with caplog.at_level(logging.DEBUG, logger="caluma_async"):
        await refusal_of(given)
    assert f"A token from 127.0.0.1 was refused: {UNKNOWN}" in caplog.messages
    logged = "\n".join(map(str, caplog.messages))
    assert "a-secret" not in logged
    assert given not in logged
    assert given.split(".")[1] not in logged


def test_many_refused_tokens_are_counted_not_listed(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    failures = Failures(clock)
    for _ in range(100):
        failures.note("here", "No.")
    assert caplog.messages == ["A token from here was refused: No."] * 10
    clock.now += 60
    failures.note("there", "No.")
    assert caplog.messages[10:] == [
        "90 more tokens were refused within 60 seconds.",
        "A token from there was refused: No.",
    ]


async def test_closing_twice_is_harmless(provider: IdentityProvider) -> None:
    assert await user_of(token()) == "anna"
    await close()
    await close()
    assert await user_of(token()) == "anna"


async def test_who_waits_when_the_server_stops_gets_no_answer(provider: IdentityProvider) -> None:
    provider.go_on.clear()
    waiting = asyncio.ensure_future(whoami(token()))
    await provider.has_been_asked()
    await close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
