"""A server in production, as a process: what it needs, what is closed, and whom it lets in by an identity provider."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from caluma_async.testing.factories import make_case
from caluma_async.workflow.models import Case
from tests.acceptance.server import Server, serving
from tests.identity_provider import AUDIENCE, ISSUER, IdentityProvider, identity_provider, token

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = "https://app.example.org"
RULES = "tests.acceptance.town_rules"
COUNT = "{ allCases { totalCount } }"
PRODUCTION = {
    "ENV": "production",
    "SECRET_KEY": "a-key-that-is-as-long-and-as-random-as-keys-should-be-0123456789",
    "ALLOWED_HOSTS": "127.0.0.1",
    "CORS_ALLOWED_ORIGINS": ORIGIN,
    "PERMISSION_CLASSES": f"{RULES}.Permissions",
    "VISIBILITY_CLASSES": f"{RULES}.Visibility",
    "EVENT_RECEIVER_MODULES": "",
    "EVENT_METRICS": "true",
    "EVENT_METRICS_TOKEN": "a long secret",
}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as one:
        one.known["olga's"] = {"sub": "olga", "caluma_groups": ["own"]}
        one.known["otto's"] = {"sub": "otto", "caluma_groups": ["other"]}
        one.known["ada's"] = {"sub": "ada", "caluma_groups": ["admin"]}
        one.known["guest's"] = {"sub": "guest", "caluma_groups": []}
        yield one


@pytest.fixture
def server(tmp_path: Path, provider: IdentityProvider) -> Iterator[Server]:
    """One that asks the provider about every token."""
    userinfo = {"OIDC_USERINFO_ENDPOINT": provider.userinfo_at, "OIDC_TIMEOUT": "5"}
    with serving(tmp_path, **PRODUCTION, **userinfo) as server:
        yield server


def ask(server: Server, query: str, bearer: str | None = None, **headers: str) -> httpx.Response:
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    return httpx.post(f"{server.url}/graphql", json={"query": query}, headers=headers, timeout=60)


@pytest.mark.parametrize("missing", ["PERMISSION_CLASSES", "VISIBILITY_CLASSES", "SECRET_KEY"])
def test_it_does_not_start_without_what_keeps_it_closed(tmp_path: Path, missing: str) -> None:
    with (
        pytest.raises(AssertionError, match=rf"ENV=production needs (a )?{missing}"),
        serving(tmp_path, **{**PRODUCTION, missing: ""}),
    ):
        pass


def test_it_says_nothing_of_its_schema_and_serves_no_page(server: Server) -> None:
    for question in ("{ __schema { queryType { name } } }", '{ __type(name: "Case") { name } }'):
        answer = ask(server, question)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "Introspection is turned off on this server."
    assert "Did you mean" not in ask(server, "{ allCase { totalCount } }").text
    assert httpx.get(f"{server.url}/graphql", headers={"Accept": "text/html"}, timeout=60).status_code == 405
    assert httpx.get(f"{server.url}/graphql", params={"query": COUNT}, timeout=60).status_code == 405
    form = httpx.post(f"{server.url}/graphql", data={"query": COUNT}, timeout=60)
    assert form.status_code == 400


def test_headers_keep_browsers_to_what_is_allowed(server: Server) -> None:
    answer = ask(server, COUNT, Origin=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    stranger = ask(server, COUNT, Origin="https://evil.example.org")
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert ask(server, COUNT, Host="evil.example.org").status_code == 400


def test_the_admin_and_the_metrics_are_closed_to_anonymous(server: Server) -> None:
    admin = httpx.get(f"{server.url}/admin/", timeout=60)
    assert (admin.status_code, admin.headers["Location"].split("?")[0]) == (302, "/admin/login/")
    assert httpx.get(f"{server.url}/metrics", timeout=60).status_code == 401
    assert httpx.get(f"{server.url}/metrics", headers={"Authorization": "Bearer olga's"}, timeout=60).status_code == 401
    metrics = httpx.get(f"{server.url}/metrics", headers={"Authorization": "Bearer a long secret"}, timeout=60)
    assert (metrics.status_code, "# HELP" in metrics.text) == (200, True)


SAMPLE: dict[str, tuple[str | None, bool, str]] = {
    # the token, whether the case is seen, what comes of canceling it
    "anonymous": (None, False, "not_allowed"),
    "without rights": ("guest's", False, "not_allowed"),
    "of another group": ("otto's", False, "not_found"),
    "owner": ("olga's", True, "done"),
    "admin": ("ada's", True, "done"),
}


def outcome(answer: httpx.Response) -> tuple[str, str]:
    """The code of a mutation's error and its message; `done` if there is none."""
    body: dict[str, Any] = answer.json()
    if "errors" not in body:
        return "done", ""
    return body["errors"][0]["extensions"]["code"], body["errors"][0]["message"]


@pytest.mark.parametrize("who", SAMPLE)
def test_everybody_sees_and_does_what_the_classes_say(server: Server, who: str) -> None:
    bearer, seen, expected = SAMPLE[who]
    case = make_case("approval")
    Case.objects.update(created_by_group="own")
    assert ask(server, COUNT, bearer).json() == {"data": {"allCases": {"totalCount": int(seen)}}}
    found = ask(server, f'{{ node(id: "{case.pk}") {{ __typename }} }}', bearer).json()
    assert found == {"data": {"node": {"__typename": "Case"} if seen else None}}
    mutation = 'mutation {{ cancelCase(input: {{id: "{}"}}) {{ case {{ status }} }} }}'
    missing = "01a20000-0000-7000-8000-000000000000"
    code, message = outcome(ask(server, mutation.format(case.pk), bearer))
    assert code == expected
    if not seen:
        assert (code, message.replace(str(case.pk), missing)) == outcome(ask(server, mutation.format(missing), bearer))
    assert Case.objects.get().status == ("canceled" if expected == "done" else "running")
    server.stop()
    assert "Traceback" not in server.log
    assert bearer is None or bearer not in server.log


def test_a_slow_provider_holds_up_only_those_whom_it_is_asked_about(server: Server, provider: IdentityProvider) -> None:
    provider.go_on.clear()
    waiting: list[httpx.Response] = []
    client = threading.Thread(target=lambda: waiting.append(ask(server, COUNT, "olga's")))
    client.start()
    assert provider.was_asked(30)
    assert [ask(server, COUNT).status_code for _ in range(5)] == [200] * 5
    assert waiting == []
    client.join(60)
    assert waiting[0].status_code == 503
    assert waiting[0].headers["Retry-After"] == "5"
    provider.go_on.set()
    assert ask(server, COUNT, "olga's").status_code == 200


def test_a_provider_that_is_down_is_a_503_at_once_and_others_are_served(
    tmp_path: Path, provider: IdentityProvider
) -> None:
    jwks = {"OIDC_JWKS_ENDPOINT": "http://127.0.0.1:1/keys", "OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE}
    with serving(tmp_path, **PRODUCTION, **jwks) as server:
        started = time.perf_counter()
        answer = ask(server, COUNT, token())
        assert (answer.status_code, set(answer.json())) == (503, {"errors"})
        assert time.perf_counter() - started < 30
        assert ask(server, COUNT).status_code == 200
        server.stop()
    assert "Traceback" not in server.log


def test_bad_tokens_are_a_401_in_words_and_do_not_get_into_the_log(tmp_path: Path, provider: IdentityProvider) -> None:
    jwks = {"OIDC_JWKS_ENDPOINT": provider.keys_at, "OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE}
    bad = {
        "expired": token(lasts=-300),
        "another issuer": token(iss="https://evil.example.org"),
        "another audience": token(aud="else"),
        "no signature": token(key="", algorithm="none"),
        "unknown key": token(key="second", kid="second"),
        "another key": token(key="second"),
        "no token": "a.b.c",
    }
    with serving(tmp_path, **PRODUCTION, **jwks) as server:
        for name, bearer in bad.items():
            answer = ask(server, COUNT, bearer)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), name
            assert answer.json()["errors"][0]["message"], name
        assert ask(server, COUNT, token()).status_code == 200
        server.stop()
    assert "Traceback" not in server.log
    assert [name for name, bearer in bad.items() if bearer in server.log] == []
