"""What Django's middleware would have done: hosts, HTTPS, CORS, security headers, request id, language, user."""

from __future__ import annotations

import logging

import httpx
import pytest
from django.http import HttpRequest
from django.utils import translation
from pytest_django import Settings

from caluma_async.correlation import RequestIdFilter, request_id
from caluma_async.errors import Unauthenticated
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.database import threads
from caluma_async.identity import User
from tests.door import ask, client_of, door, messages

ORIGIN = "https://app.example.com"


@pytest.fixture
def app() -> GraphQLApp:
    return door()


async def preflight(app: GraphQLApp, origin: str = ORIGIN) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,language",
    }
    async with client_of(app) as client:
        return await client.options("/graphql", headers=headers)


async def test_only_allowed_hosts_are_served(
    app: GraphQLApp, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLOWED_HOSTS = ["caluma.example.com"]
    response = await ask(app, "{ hello }", headers={"Host": "evil.example.com"})
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in messages(response)
    assert "evil" not in response.text
    assert "The host 'evil.example.com' is none of ALLOWED_HOSTS." in caplog.text
    assert (await ask(app, "{ hello }", headers={"Host": "caluma.example.com:8000"})).status_code == 200
    assert (await ask(app, "{ hello }", headers={"Host": "caluma.example.com:a b"})).status_code == 400


async def test_an_allowed_origin_may_send_the_header_language(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    response = await preflight(door())
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert {"language", "content-type", "authorization"} <= set(
        response.headers["Access-Control-Allow-Headers"].split(", ")
    )
    answer = await ask(door(), "{ hello }", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_errors_too_can_be_read_by_an_allowed_origin(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    response = await ask(door(), "{", headers={"Origin": ORIGIN})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (400, ORIGIN)


async def test_other_origins_are_allowed_nothing(app: GraphQLApp, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    assert "Access-Control-Allow-Origin" not in (await preflight(app, "https://evil.example.com")).headers
    answer = await ask(app, "{ hello }", headers={"Origin": "https://evil.example.com"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "origin" in answer.headers["Vary"]


async def test_security_headers_are_those_of_django(settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    app = door()
    response = await ask(app, "{ hello }")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in response.headers
    secure = await ask(app, "{ hello }", headers={"X-Forwarded-Proto": "https"})
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=60")


async def test_plain_http_is_redirected_where_https_is_asked_for(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = await ask(door(), "{ hello }")
    assert (response.status_code, response.headers["Location"]) == (301, "https://localhost/graphql")


async def test_a_sane_request_id_is_taken_and_echoed(app: GraphQLApp) -> None:
    response = await ask(app, "{ requestId }", headers={"X-Request-ID": "abc-123"})
    assert response.headers["X-Request-ID"] == "abc-123"
    assert response.json()["data"] == {"requestId": "abc-123"}


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a;b", "ä"])
async def test_any_other_request_id_is_replaced(app: GraphQLApp, given: str) -> None:
    response = await ask(app, "{ requestId }", headers={"X-Request-ID": given.encode()})
    made = response.headers["X-Request-ID"]
    assert response.json()["data"] == {"requestId": made}
    assert made != given
    assert len(made) == 16


async def test_every_log_line_of_a_request_has_its_id(app: GraphQLApp) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Keep()
    handler.addFilter(RequestIdFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(message)s"))
    logger = logging.getLogger("caluma_async")
    logger.addHandler(handler)
    try:
        await ask(app, "{ unknown }", headers={"X-Request-ID": "abc"})
        logger.warning("outside")
    finally:
        logger.removeHandler(handler)
    assert lines[-1] == "- outside"
    assert len(lines) > 2
    assert all(line.startswith("abc ") for line in lines[:-1])
    assert request_id.get() == "-"


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"Accept-Language": "de-CH,fr;q=0.5"}, "de"),
        ({"Accept-Language": "xx,fr;q=0.5"}, "fr"),
        ({"Accept-Language": "xx"}, "en"),
        ({"Accept-Language": "de", "language": "fr"}, "fr"),
        ({"Accept-Language": "de", "language": "xx"}, "de"),
        ({"language": "x" * 1000}, "en"),
    ],
)
async def test_the_language_of_the_request_holds_in_resolvers_and_threads(
    app: GraphQLApp, headers: dict[str, str], language: str
) -> None:
    before = translation.get_language()
    response = await ask(app, "{ language languageInThread }", headers=headers)
    assert response.json()["data"] == {"language": language, "languageInThread": language}
    assert response.headers["Content-Language"] == language
    assert translation.get_language() == before
    threads.close()


async def test_nobody_is_known_and_no_token_accepted_until_a_site_says_so(app: GraphQLApp) -> None:
    assert (await ask(app, "{ user }")).json()["data"] == {"user": None}
    response = await ask(app, "{ user }", headers={"Authorization": "Bearer abc"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "knows no tokens" in messages(response)


async def authenticate(request: HttpRequest) -> User:
    """A site's own authenticator."""
    token = request.headers.get("Authorization")
    if token != "Bearer good":
        raise Unauthenticated("The token has expired.")
    return User("alice", groups=["staff"], token=token)


async def test_the_sites_authenticator_says_who_it_is(settings: Settings) -> None:
    settings.AUTHENTICATOR = f"{__name__}.authenticate"
    app = door()
    response = await ask(
        app, '{ user header(name: "X-Tenant") }', headers={"Authorization": "Bearer good", "X-Tenant": "a"}
    )
    assert response.json()["data"] == {"user": "alice", "header": "a"}
    refused = await ask(app, "{ user }", headers={"Authorization": "Bearer bad"})
    assert (refused.status_code, messages(refused)) == (401, "The token has expired.")
    assert "data" not in refused.json()
