"""A small schema behind the real door, for tests of the door itself, and a client for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import strawberry
from django.utils import translation
from strawberry.scalars import JSON

from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.context import Info
from caluma_async.graphql.database import orm
from caluma_async.graphql.execution import Schema

raised: dict[str, Exception] = {}
"""What `failing(name)` raises."""


@strawberry.input
class Nested:
    """An input that contains itself."""

    inner: Nested | None = None
    value: int | None = None


@strawberry.type
class Query:
    """Fields that show what the door hands down."""

    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def me(self) -> Query:
        return self or Query()

    @strawberry.field
    def user(self, info: Info) -> str | None:
        return info.context.user.username

    @strawberry.field
    def header(self, info: Info, name: str) -> str | None:
        return info.context.request.headers.get(name)

    @strawberry.field
    def request_id(self, info: Info) -> str:
        return info.context.request_id

    @strawberry.field
    def language(self, info: Info) -> str:
        return info.context.language

    @strawberry.field
    async def language_in_thread(self) -> str:
        return await orm(translation.get_language) or ""

    @strawberry.field
    def failing(self, name: str) -> str | None:
        raise raised[name]

    @strawberry.field
    def required(self, name: str) -> str:
        raise raised[name]

    @strawberry.field
    def nested(self, input: Nested) -> int | None:  # noqa: A002
        return input.value

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def unserialisable(self, number: bool) -> JSON:
        return JSON(float("nan")) if number else JSON({1, 2})


def door(schema: Schema | None = None, **options: Any) -> GraphQLApp:
    """The application over the schema of this module, or another one, with caches of its own."""
    return GraphQLApp(schema or Schema(Query), **options)


@asynccontextmanager
async def client_of(application: Any, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests go straight into the application."""
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", **options) as client:
        yield client


async def ask(application: Any, query: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    """Post one document."""
    async with client_of(application) as client:
        return await client.post("/graphql", json={"query": query, **body}, headers=headers)


async def post(application: Any, content: bytes | str, content_type: str = "application/json") -> httpx.Response:
    """Post a body as it is."""
    async with client_of(application) as client:
        return await client.post("/graphql", content=content, headers={"Content-Type": content_type})


def messages(response: httpx.Response) -> str:
    """The messages of all errors, in one text."""
    return "; ".join(error["message"] for error in json.loads(response.text)["errors"])
