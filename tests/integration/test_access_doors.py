"""What is closed to whom: the server in production, the admin, the metrics, and GraphQL over HTTP under the rules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.auth.models import User as AdminUser
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from caluma_async.access.authentication import close
from caluma_async.access.guard import for_metrics
from caluma_async.access.permissions import BasePermission, permission_for
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.database import threads
from caluma_async.graphql.schema import schema
from caluma_async.testing.factories import make_case
from caluma_async.workflow import CancelCase
from caluma_async.workflow.models import Case
from tests.door import ask, messages
from tests.identity_provider import IdentityProvider, identity_provider

ROOT = Path(__file__).resolve().parents[2]
HERE = __name__

PRODUCTION = {
    "ENV": "production",
    "SECRET_KEY": "a-key-that-is-as-long-and-as-random-as-keys-should-be-0123456789",
    "ALLOWED_HOSTS": "caluma.example.org",
    "SECURE_SSL_REDIRECT": "true",
    "SECURE_PROXY_SSL_HEADER": "X-Forwarded-Proto",
    "PERMISSION_CLASSES": "caluma_async.access.permissions.IsAuthenticated",
    "VISIBILITY_CLASSES": "caluma_async.access.visibilities.Authenticated",
    "OIDC_USERINFO_ENDPOINT": "https://login.example.org/userinfo",
}


def manage(*arguments: str, without: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run it with the settings of a server in production."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "DATABASE_URL"}}
    environment = {**kept, **PRODUCTION, "DATABASE_URL": "sqlite:///:memory:", **more}
    environment.pop(without, None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_proper_settings_pass_the_check_for_deployment() -> None:
    done = manage("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("manage.py", "check"),
        ("manage.py", "serve", "--port", "0"),
        ("-c", "import asgi"),
    ],
)
def test_production_does_not_start_while_everybody_could_do_everything(arguments: tuple[str, ...]) -> None:
    done = manage(*arguments, without="PERMISSION_CLASSES")
    assert done.returncode != 0
    assert "ENV=production needs PERMISSION_CLASSES: list the classes" in done.stderr
    assert "GraphQL " not in done.stdout


def test_production_does_not_start_with_a_class_that_is_not_there() -> None:
    done = manage("manage.py", "check", PERMISSION_CLASSES="site_rules.Permissions")
    assert done.returncode != 0
    assert "PERMISSION_CLASSES lists 'site_rules.Permissions', which cannot be imported" in done.stderr


def test_production_needs_no_more_than_its_settings_to_be_imported() -> None:
    done = manage("-c", "import asgi; print(asgi.settings.GRAPHQL_INTROSPECTION, asgi.settings.GRAPHIQL)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("setting", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_is_told_of_what_else_is_missing(setting: str) -> None:
    done = manage("manage.py", "check", "--deploy", "--fail-level", "WARNING", without=setting)
    assert done.returncode != 0
    assert setting in done.stderr


def admin_pages() -> list[str]:
    lists = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin.site._registry
    ]
    return [reverse("admin:index"), *lists]


@pytest.mark.django_db
def test_the_admin_is_closed_to_whoever_is_no_member_of_the_staff() -> None:
    nobody, somebody = Client(), Client()
    somebody.force_login(AdminUser.objects.create_user("somebody"))
    assert len(admin_pages()) > 3
    for page in admin_pages():
        for client in (nobody, somebody):
            response = client.get(page)
            assert response.status_code == 302
            assert response["Location"].startswith(reverse("admin:login"))


async def figures(scope: Any, receive: Any, send: Any) -> None:
    """Stands for the metrics."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"figures"})


async def get(application: Any, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get("/metrics", headers=headers)


async def test_metrics_are_for_those_who_know_the_token(settings: Settings) -> None:
    settings.EVENT_METRICS_TOKEN = "a long secret"
    guarded = for_metrics(figures)
    for headers in ({}, {"Authorization": "Bearer a wrong secret"}, {"Authorization": "a long secret"}):
        response = await get(guarded, **headers)
        assert (response.status_code, response.content, response.headers["WWW-Authenticate"]) == (401, b"", "Bearer")
    assert (await get(guarded, Authorization="Bearer a long secret")).content == b"figures"


async def test_without_a_token_metrics_are_open_in_development_only(settings: Settings) -> None:
    guarded = for_metrics(figures)
    assert (await get(guarded)).content == b"figures"
    settings.ENV = "production"
    assert (await get(guarded)).status_code == 401
    assert (await get(guarded, Authorization="Bearer ")).status_code == 401


class Office(BasePermission):
    """The office may cancel, as far as it asks through the front door."""

    @permission_for(CancelCase)
    async def may_cancel(self, mutation: Any, info: Any) -> bool:
        at_the_front = info.context.request.headers.get("X-Door") == "front"
        known = await Case.objects.filter(pk=info.data["id"]).aexists()
        return info.user.group == "office" and info.context.request.user is info.user and at_the_front and known


@pytest.fixture
async def provider(settings: Settings) -> AsyncIterator[IdentityProvider]:
    """Tokens are this provider's business, and the office's rules hold."""
    settings.PERMISSION_CLASSES = [f"{HERE}.Office"]
    settings.VISIBILITY_CLASSES = ["caluma_async.access.visibilities.Authenticated"]
    with identity_provider() as one:
        settings.OIDC_USERINFO_ENDPOINT = one.userinfo_at
        one.known["anna's"] = {"sub": "anna", "caluma_groups": ["council", "office"]}
        yield one
        await close()
        await sync_to_async(threads.close)()


@pytest.mark.django_db(transaction=True)
async def test_the_rules_hold_for_whom_the_provider_says_it_is(provider: IdentityProvider) -> None:
    app = GraphQLApp(schema)
    case = await sync_to_async(make_case)()
    document = f'mutation {{ cancelCase(input: {{id: "{case.pk}"}}) {{ case {{ status createdByUser }} }} }}'
    anna = {"Authorization": "Bearer anna's", "X-Group": "office", "X-Door": "front"}
    for left_out in anna:
        headers = {name: value for name, value in anna.items() if name != left_out}
        assert messages(await ask(app, document, headers)) == "You are not allowed to do this: CancelCase."
    assert (await ask(app, "{ allCases { totalCount } }")).json()["data"] == {"allCases": {"totalCount": 0}}
    assert (await ask(app, "{ allCases { totalCount } }", anna)).json()["data"] == {"allCases": {"totalCount": 1}}
    answer = (await ask(app, document, anna)).json()
    assert answer == {"data": {"cancelCase": {"case": {"status": "CANCELED", "createdByUser": None}}}}
    assert (await Case.objects.aget()).modified_by_group == "office"


async def test_the_header_for_the_group_may_be_sent_from_other_origins(settings: Settings) -> None:
    assert "x-group" in settings.CORS_ALLOW_HEADERS
