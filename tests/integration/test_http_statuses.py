"""GraphQL over HTTP: paths, methods, bodies and their statuses. Nothing a client can send is a 500 or a traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import strawberry
from pytest_django import Settings
from strawberry.extensions import SchemaExtension
from strawberry.schema import schema as strawberry_schema

from caluma_async.graphql import documents
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.execution import Schema
from caluma_async.graphql.limits import LIMITS
from caluma_async.lifespan import Lifespan
from caluma_async.serving import protocols
from tests.door import Query, ask, client_of, door, messages, post


@pytest.fixture
def app() -> GraphQLApp:
    return door()


@pytest.fixture(autouse=True)
def _no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever these tests send, it is no error of the server's."""
    caplog.set_level(logging.DEBUG, "caluma_async")
    yield
    assert [record for record in caplog.records if record.exc_info or record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("path", ["/graphql", "/graphql/"])
async def test_both_paths_answer_without_a_redirect(app: GraphQLApp, path: str) -> None:
    async def not_ours(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope["path"])

    application = protocols({"/graphql": app}, otherwise=not_ours, lifespan=Lifespan())
    async with client_of(application) as client:
        response = await client.post(path, json={"query": "{ hello }"})
    assert (response.status_code, response.json()) == (200, {"data": {"hello": "hello world"}})
    assert response.headers["Content-Type"] == "application/json"
    assert int(response.headers["Content-Length"]) == len(response.content)


QUERY = "query ($name: String) { hello(name: $name) }"


@pytest.mark.parametrize(
    "variables", [{"name": "a"}, '{"name": "a"}', ' {"name": "a", "unknown": 1} ', {"name": "a", "unknown": [1]}]
)
async def test_variables_are_an_object_or_json_in_a_text(app: GraphQLApp, variables: object) -> None:
    response = await ask(app, QUERY, variables=variables)
    assert (response.status_code, response.json()["data"]) == (200, {"hello": "hello a"})


@pytest.mark.parametrize("variables", [None, "null", "", {}, "{}"])
async def test_no_variables_can_be_said_in_several_ways(app: GraphQLApp, variables: object) -> None:
    response = await ask(app, "{ hello }", variables=variables)
    assert (response.status_code, response.json()["data"]) == (200, {"hello": "hello world"})


async def test_the_operation_is_chosen_by_name(app: GraphQLApp) -> None:
    text = 'query a { hello } query b { hello(name: "b") }'
    response = await ask(app, text, operationName="b")
    assert response.json()["data"] == {"hello": "hello b"}
    response = await ask(app, "query a { hello }", operationName="")
    assert response.json()["data"] == {"hello": "hello world"}
    assert (await ask(app, text)).status_code == 400
    assert (await ask(app, text, operationName="c")).status_code == 400
    assert (await ask(app, text, operationName=1)).status_code == 400


async def test_a_repeated_document_is_validated_once_and_never_by_strawberry(
    app: GraphQLApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[Any] = []
    validate = documents.validate
    monkeypatch.setattr(documents, "validate", lambda *a, **k: validated.append(a[2]) or validate(*a, **k))
    monkeypatch.setattr(strawberry_schema, "validate", None)
    monkeypatch.setattr(strawberry_schema, "parse", None)
    for name in ("a", "b", "c"):
        assert (await ask(app, QUERY, variables={"name": name})).json() == {"data": {"hello": f"hello {name}"}}
    assert validated == [LIMITS, documents.RULES]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "must be JSON"),
        ("{", "must be JSON"),
        ("query { hello }", "must be JSON"),
        (b'{"query": "\xff"}', "UTF-8"),
        ("null", "one JSON object"),
        ("1", "one JSON object"),
        ('"{ hello }"', "one JSON object"),
        ('[{"query": "{ hello }"}]', "no batching"),
        ("{}", "no query"),
        ('{"query": null}', "no query"),
        ('{"query": ""}', "no query"),
        ('{"query": " "}', "no query"),
        ('{"query": ["{ hello }"]}', "no query"),
        ('{"query": "{ hello }", "variables": 1}', "variables must be an object"),
        ('{"query": "{ hello }", "variables": []}', "variables must be an object"),
        ('{"query": "{ hello }", "variables": "[]"}', "variables must be an object"),
        ('{"query": "{ hello }", "variables": "{"}', "variables must be JSON"),
        ('{"query": "{ hello }", "variables": {"a": NaN}}', "must be JSON"),
        ('{"query": "{ hello }", "variables": {"a": ' + "1" * 5000 + "}}", "must be JSON"),
        ('{"query": "{ hello }", "variables": {"a": ["\\u0000"]}}', "stored"),
        ('{"query": "{ hello }", "variables": {"\\ud800": 1}}', "stored"),
        ('{"query": "{ hello }", "variables": "{\\"a\\": \\"\\\\u0000\\"}"}', "stored"),
        ('{"query": "\\ud800"}', "stored"),
        ('{"query": "{ hello }", "variables": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}", "nested too deeply"),
        ("[" * 200_000 + "]" * 200_000, "nested too deeply"),
    ],
)
async def test_a_wrong_body_is_a_400_in_words_without_data(
    app: GraphQLApp, content: bytes | str, complaint: str
) -> None:
    response = await post(app, content)
    assert response.status_code == 400
    assert complaint in messages(response)
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("{", "Syntax Error"),
        ("{ unknown }", "Cannot query field 'unknown'"),
        ("{ hello(name: 1) }", "String cannot represent"),
        ("mutation { hello }", "mutation"),
        ("subscription { hello }", "subscription"),
        ("type A { a: Int }", "not executable"),
    ],
)
async def test_a_wrong_document_is_a_400_that_says_where(app: GraphQLApp, query: str, complaint: str) -> None:
    response = await ask(app, query)
    assert response.status_code == 400
    assert complaint in messages(response)
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("type_", "value"), [("Int!", None), ("Int!", "x"), ("Int!", 2**40), ("[Int!]!", [1, None]), ("Boolean!", 1)]
)
async def test_variables_that_do_not_fit_are_a_400(app: GraphQLApp, type_: str, value: object) -> None:
    query = f"query ($value: {type_}) {{ hello @skip(if: false) __typename @include(if: true) }}"
    query = query.replace("hello", "echo(value: [$value])")
    response = await ask(app, query, variables={"value": value})
    assert response.status_code == 400
    assert "Variable '$value'" in messages(response)
    assert "data" not in response.json()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self) -> AsyncIterator[int]:
        yield 1


async def test_subscriptions_are_not_served_over_http() -> None:
    response = await ask(door(Schema(Query, subscription=Subscription)), "subscription { count }")
    assert (response.status_code, messages(response)) == (400, "Subscriptions are not served over HTTP.")


class Told(SchemaExtension):
    """An extension of the schema that has something to say."""

    def get_results(self) -> dict[str, object]:
        return {"told": 1}


async def test_what_an_extension_of_the_schema_says_goes_out() -> None:
    response = await ask(door(Schema(Query, extensions=[Told])), "{ hello }")
    assert response.json() == {"data": {"hello": "hello world"}, "extensions": {"told": 1}}


async def test_input_that_is_nested_too_deeply_to_be_read_is_a_400(app: GraphQLApp) -> None:
    query = "query ($input: Nested!) { nested(input: $input) }"
    value: dict[str, Any] = {"value": 1}
    for _ in range(900):
        value = {"inner": value}
    response = await ask(app, query, variables={"input": value})
    assert response.status_code == 400
    assert "nested too deeply" in messages(response)


async def test_a_body_that_announces_too_much_is_a_413_before_it_is_read(app: GraphQLApp) -> None:
    response = await post(app, b"x" * 10_000_000)
    assert response.status_code == 413
    assert messages(response) == "The body is too large; at most 2500000 bytes are allowed."


async def test_a_body_in_chunks_is_cut_off_at_the_limit(app: GraphQLApp, settings: Settings) -> None:
    settings.GRAPHQL_MAX_BODY = 1_000
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 100
            yield b"x" * 100

    async with client_of(app) as client:
        response = await client.post("/graphql", content=chunks(), headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert sent == 1_100


async def test_a_body_at_the_limit_is_taken(app: GraphQLApp, settings: Settings) -> None:
    content = json.dumps({"query": "{ hello }"})
    settings.GRAPHQL_MAX_BODY = 1_000
    assert (await post(app, content.ljust(1_000))).status_code == 200
    assert (await post(app, content.ljust(1_001))).status_code == 413


async def test_a_body_that_ends_early_is_no_request(app: GraphQLApp) -> None:
    received = iter([{"type": "http.request", "body": b'{"qu', "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(received)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    assert sent[0]["status"] == 400


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=a", "application/x-www-form-urlencoded", ""]
)
async def test_other_content_types_are_refused(app: GraphQLApp, content_type: str) -> None:
    response = await post(app, '{"query": "{ hello }"}', content_type)
    assert response.status_code == 400
    assert "application/json" in messages(response)


async def test_a_charset_beside_the_content_type_is_no_obstacle(app: GraphQLApp) -> None:
    response = await post(app, '{"query": "{ hello(name: \\"ü\\") }"}', "application/json; charset=utf-8")
    assert response.json() == {"data": {"hello": "hello ü"}}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_only_post_is_served(app: GraphQLApp, method: str) -> None:
    async with client_of(app) as client:
        response = await client.request(method, "/graphql?query={hello}")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


async def test_an_address_that_is_no_text_is_a_400(app: GraphQLApp) -> None:
    async with client_of(app) as client:
        response = await client.post("/graphql", json={"query": "{ hello }"})
    assert response.status_code == 200
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"\xff", "headers": []}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, None, send)
    assert sent[0]["status"] == 400


async def test_a_browser_gets_graphiql_where_it_is_turned_on(settings: Settings) -> None:
    async with client_of(door(), headers={"Accept": "text/html,*/*;q=0.8"}) as client:
        settings.GRAPHIQL = True
        page = await client.get("/graphql")
        assert (page.status_code, "GraphiQL" in page.text) == (200, True)
        assert page.headers["Content-Type"].startswith("text/html")
        assert "If this text stays, the browser cannot get them there" in page.text
        assert (await client.get("/graphql", headers={"Accept": "application/json"})).status_code == 405
        settings.GRAPHIQL = False
        assert (await client.get("/graphql")).status_code == 405
