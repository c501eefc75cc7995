"""Bearer tokens that the provider is asked about, and the user that is made of what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from caluma_async.access.authentication import authenticate, close, make_user
from caluma_async.access.authentication.checks import check_authentication, check_provider
from caluma_async.access.authentication.provider import Provider
from caluma_async.access.authentication.userinfo import MOST, Userinfo
from caluma_async.access.authentication.users import acting_for
from caluma_async.conf import mistakes
from caluma_async.errors import NotAllowed
from caluma_async.identity import User
from tests.door import ask, door, messages
from tests.identity_provider import IdentityProvider, identity_provider

HERE = __name__
ANNA = {"sub": "anna", "caluma_groups": ["office", "council"], "email": "anna@example.org"}
seen: list[User] = []


@pytest.fixture
async def provider(settings: Settings) -> AsyncIterator[IdentityProvider]:
    """Tokens are this provider's business."""
    with identity_provider() as one:
        settings.OIDC_USERINFO_ENDPOINT = one.userinfo_at
        one.known["anna's"] = ANNA
        yield one
        one.go_on.set()
        await close()


async def noted(request: Any) -> User:
    """As `authenticate`; the user can be seen afterwards."""
    user = await authenticate(request)
    seen.append(user)
    return user


async def whoami(token: str | None, **headers: str) -> httpx.Response:
    if token is not None:
        headers["Authorization"] = f"bearer {token}"
    return await ask(door(authenticator=noted), "{ user }", headers)


async def user_of(token: str | None, **headers: str) -> User:
    response = await whoami(token, **headers)
    assert response.status_code == 200, response.text
    return seen[-1]


async def test_the_provider_says_whose_a_token_is(provider: IdentityProvider) -> None:
    user = await user_of("anna's")
    assert (user.username, user.groups, user.group) == ("anna", ("office", "council"), "office")
    assert (user.claims["email"], user.token, user.is_authenticated) == ("anna@example.org", "anna's", True)
    assert "anna's" not in repr(user)
    assert "anna's" not in str(user.stored())


async def test_a_token_that_the_provider_does_not_know_is_refused(provider: IdentityProvider) -> None:
    response = await whoami("nobody's")
    assert response.status_code == 401
    assert messages(response) == "The identity provider does not accept the token."


@pytest.mark.parametrize("answer", [b"<html>", b"[" * 100_000, [], "anna"])
async def test_a_provider_that_talks_nonsense_is_answered_503(provider: IdentityProvider, answer: Any) -> None:
    provider.known["anna's"] = answer
    assert (await whoami("anna's")).status_code == 503


async def test_a_provider_that_is_down_is_answered_503(provider: IdentityProvider, settings: Settings) -> None:
    provider.status = 502
    assert (await whoami("anna's")).status_code == 503
    settings.OIDC_USERINFO_ENDPOINT = "http://"
    assert (await whoami("anna's")).status_code == 503


async def test_the_provider_is_asked_every_time_unless_answers_are_kept(
    provider: IdentityProvider, settings: Settings
) -> None:
    await user_of("anna's")
    await user_of("anna's")
    assert len(provider.asked) == 2
    settings.OIDC_BEARER_TOKEN_REVALIDATION_TIME = 60.0
    await user_of("anna's")
    await user_of("anna's")
    assert len(provider.asked) == 3


class Answers(Provider):
    """A provider that knows every token, until it forgets them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def ask(self, address: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        self.asked += 1
        return 200, {"sub": "anna"}


async def test_an_answer_is_kept_for_its_time_and_the_oldest_ones_make_room(settings: Settings) -> None:
    settings.OIDC_BEARER_TOKEN_REVALIDATION_TIME = 60.0
    now = [0.0]
    provider = Answers()
    userinfo = Userinfo(provider, lambda: now[0])
    await userinfo.claims("first")
    now[0] = 59.0
    await userinfo.claims("first")
    assert provider.asked == 1
    now[0] = 60.0
    await userinfo.claims("first")
    assert provider.asked == 2
    await userinfo.claims("second")
    for number in range(MOST - 2):
        await userinfo.claims(str(number))
    await userinfo.claims("first")
    assert provider.asked == MOST + 1
    await userinfo.claims("one more")
    await userinfo.claims("first")
    assert provider.asked == MOST + 2
    await userinfo.claims("second")
    assert provider.asked == MOST + 3


async def test_requests_with_one_token_at_the_same_time_ask_once(provider: IdentityProvider) -> None:
    provider.go_on.clear()
    waiting = [asyncio.ensure_future(whoami("anna's")) for _ in range(5)]
    await provider.has_been_asked()
    provider.go_on.set()
    assert {each.status_code for each in await asyncio.gather(*waiting)} == {200}
    assert len(provider.asked) == 1


async def test_without_a_provider_a_token_is_refused() -> None:
    response = await whoami("anna's")
    assert response.status_code == 401
    assert "This server knows no tokens" in messages(response)
    await close()


async def test_a_header_chooses_among_the_users_own_groups(provider: IdentityProvider, settings: Settings) -> None:
    assert (await user_of("anna's", **{"X-Group": "council"})).group == "council"
    assert (await user_of("anna's", **{"X-Group": ""})).group == "office"
    assert (await user_of(None, **{"X-Group": "council"})).group is None
    response = await whoami("anna's", **{"X-Group": "mayor"})
    assert response.status_code == 403
    assert messages(response) == "The header X-Group names a group that you do not belong to."
    settings.GROUP_HEADER = "X-Camac-Group"
    assert (await user_of("anna's", **{"X-Camac-Group": "council", "X-Group": "mayor"})).group == "council"


def test_the_user_who_acts_for_another_group_is_a_copy() -> None:
    user = User("anna", groups=["a", "b"], token="secret", claims={"sub": "anna"})
    other = acting_for(user, "b")
    assert (user.group, other.group, other.token, other.claims) == ("a", "b", "secret", {"sub": "anna"})
    with pytest.raises(NotAllowed):
        acting_for(user, "c")


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["a", "b"], ("a", "b")),
        ("a", ("a",)),
        (None, ()),
        ([1, None, "", "a"], ("a",)),
        ({"a": 1}, ()),
    ],
)
def test_groups_are_read_from_their_claim(groups: Any, expected: tuple[str, ...]) -> None:
    assert make_user("", {"sub": "anna", "caluma_groups": groups}).groups == expected


def test_claims_may_lie_in_claims(settings: Settings) -> None:
    settings.OIDC_GROUPS_CLAIM, settings.OIDC_USERNAME_CLAIM = "realm_access.roles", "https://example.org/name"
    claims = {"realm_access": {"roles": ["a"]}, "https://example.org/name": "anna"}
    assert make_user("", claims) == User("anna", groups=["a"])
    assert make_user("", {**claims, "realm_access": "all"}).groups == ()


class Clerk(User):
    """A user as the site wants them."""

    def __init__(self, token: str, claims: Mapping[str, Any]) -> None:
        super().__init__(f"clerk {claims['sub']}", groups=["clerks", "office"], token=token, claims=claims)


async def test_the_site_makes_its_own_users(provider: IdentityProvider, settings: Settings) -> None:
    settings.OIDC_USER_FACTORY = f"{HERE}.Clerk"
    user = await user_of("anna's", **{"X-Group": "office"})
    assert isinstance(user, Clerk)
    assert (user.username, user.group) == ("clerk anna", "office")


async def test_a_factory_that_makes_something_else_is_an_internal_error(
    provider: IdentityProvider, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OIDC_USER_FACTORY = "builtins.print"
    response = await whoami("anna's")
    assert response.status_code == 500
    assert "OIDC_USER_FACTORY must make a User, not NoneType" in caplog.text
    assert "OIDC_USER_FACTORY" not in response.text


def complaints() -> list[str]:
    return [message.msg for message in check_authentication()]


def test_check_tells_what_is_missing_for_authentication(settings: Settings) -> None:
    assert complaints() == []
    settings.OIDC_JWKS_ENDPOINT = "https://login.example.org/keys"
    assert [text.partition(":")[0] for text in complaints()] == [
        "OIDC_JWKS_ENDPOINT needs OIDC_ISSUER",
        "OIDC_JWKS_ENDPOINT needs OIDC_AUDIENCE",
    ]
    settings.OIDC_ISSUER, settings.OIDC_AUDIENCE = "https://login.example.org", ["caluma"]
    assert complaints() == []
    settings.OIDC_USERINFO_ENDPOINT = "https://login.example.org/userinfo"
    assert complaints() == [
        "OIDC_JWKS_ENDPOINT and OIDC_USERINFO_ENDPOINT exclude each other: a token is checked in one way."
    ]


def test_check_tells_of_functions_that_are_none(settings: Settings) -> None:
    settings.OIDC_USER_FACTORY, settings.AUTHENTICATOR = "nowhere.make", f"{HERE}.HERE"
    assert complaints() == [
        f"AUTHENTICATOR is '{HERE}.HERE', which cannot be called.",
        "OIDC_USER_FACTORY is 'nowhere.make', which cannot be imported: ModuleNotFoundError: No module named 'nowhere'",
    ]


def test_deployment_is_warned_of_a_provider_that_anybody_could_pass_for(settings: Settings) -> None:
    assert check_provider() == []
    settings.OIDC_JWKS_ENDPOINT = "http://login.example.org/keys"
    settings.OIDC_VERIFY_SSL = False
    assert [message.msg.partition(" ")[0] for message in check_provider()] == ["OIDC_JWKS_ENDPOINT", "OIDC_VERIFY_SSL"]


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("OIDC_ALGORITHMS", ["RS256", "HS256"], "must list some of RS256"),
        ("OIDC_ALGORITHMS", ["none"], "must list some of RS256"),
        ("OIDC_ALGORITHMS", [], "must list some of RS256"),
        ("OIDC_ALGORITHMS", "RS256", "must be a list of strings"),
        ("OIDC_JWKS_ENDPOINT", "login.example.org", "must be an address that begins with https://"),
        ("OIDC_USERINFO_ENDPOINT", None, "must be an address that begins with https://"),
    ],
)
def test_settings_of_authentication_are_checked(settings: Settings, name: str, value: Any, complaint: str) -> None:
    setattr(settings, name, value)
    assert mistakes()[name].startswith(complaint)
