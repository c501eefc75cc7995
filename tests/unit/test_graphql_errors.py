"""Errors as clients see them, and as the log does."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator

import psycopg.errors
import pytest
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest
from pytest_django import Settings
from strawberry.extensions import SchemaExtension

from caluma_async.errors import (
    InvalidInput,
    Misconfigured,
    NotAllowed,
    NotFound,
    Refused,
    SignalHandlingError,
)
from caluma_async.graphql.execution import Schema
from caluma_async.identity import User
from tests.door import Query, ask, door, messages, raised

SECRET = "a password in the text of an exception"


@pytest.fixture(autouse=True)
def _clean() -> None:
    raised.clear()


@pytest.mark.parametrize(
    ("error", "message", "extensions"),
    [
        (Refused("Work item a is not READY."), "Work item a is not READY.", {"code": "refused"}),
        (NotAllowed("Nobody may."), "Nobody may.", {"code": "not_allowed"}),
        (NotFound("There is no task a."), "There is no task a.", {"code": "not_found"}),
        (
            InvalidInput("slug: must not be empty.", field="slug"),
            "slug: must not be empty. (code='invalid')",
            {"code": "invalid", "field": "slug"},
        ),
        (
            InvalidInput("Two things.", field="a", fields={"a": "One.", "b": "Two."}),
            "Two things. (code='invalid')",
            {"code": "invalid", "field": "a", "fields": {"a": "One.", "b": "Two."}},
        ),
        (
            SignalHandlingError("Receivers undid it: site.notify.", caught_exceptions=[Refused("No.")]),
            "Receivers undid it: site.notify.",
            {"code": "receiver_failed"},
        ),
    ],
)
async def test_expected_errors_go_out_with_message_code_path_and_place(
    error: Exception, message: str, extensions: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    raised["a"] = error
    with caplog.at_level(logging.INFO, "caluma_async"):
        response = await ask(door(), '{ hello failing(name: "a") }')
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "hello world", "failing": None}
    located = {"locations": [{"line": 1, "column": 9}], "path": ["failing"]}
    assert response.json()["errors"] == [{"message": message, **located, "extensions": extensions}]
    [record] = [record for record in caplog.records if message in record.getMessage()]
    assert (record.levelname, record.exc_info) == ("INFO", None)


async def test_a_receiver_that_broke_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    raised["a"] = SignalHandlingError("Receivers undid it: site.notify.", caught_exceptions=[ValueError(SECRET)])
    response = await ask(door(), '{ failing(name: "a") }')
    assert response.json()["errors"][0]["extensions"] == {"code": "receiver_failed"}
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.exc_info is not None
    assert record.exc_info[1] is raised["a"]


@pytest.mark.parametrize("error", [ValueError(SECRET), IntegrityError(SECRET), Misconfigured(SECRET), KeyError(SECRET)])
async def test_unexpected_errors_are_logged_with_an_id_and_answered_with_it(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    raised["a"] = error
    response = await ask(door(), '{ failing(name: "a") }')
    [answered] = response.json()["errors"]
    assert response.status_code == 200
    assert SECRET not in response.text
    assert answered["extensions"]["code"] == "internal"
    assert answered["message"] == f"internal error {answered['extensions']['id']}"
    [record] = [record for record in caplog.records if answered["extensions"]["id"] in record.getMessage()]
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_the_error_of_a_required_field_keeps_its_code_and_status(caplog: pytest.LogCaptureFixture) -> None:
    raised["a"] = NotFound("It is gone.")
    response = await ask(door(), '{ required(name: "a") }')
    assert response.status_code == 200
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"] == {"code": "not_found"}


def _sqlite_busy() -> Exception:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorname = "SQLITE_BUSY"
    return error


@pytest.mark.parametrize(
    "cause", [psycopg.errors.LockNotAvailable(), psycopg.errors.DeadlockDetected(), _sqlite_busy()]
)
async def test_a_lock_that_is_not_had_in_time_is_refused_in_words(cause: Exception) -> None:
    raised["a"] = OperationalError(SECRET)
    raised["a"].__cause__ = cause
    response = await ask(door(), '{ failing(name: "a") }')
    assert response.json()["errors"][0]["extensions"] == {"code": "refused"}
    assert "Try again." in messages(response)
    assert SECRET not in response.text


async def test_another_operational_error_is_internal() -> None:
    raised["a"] = OperationalError(SECRET)
    response = await ask(door(), '{ failing(name: "a") }')
    assert response.json()["errors"][0]["extensions"]["code"] == "internal"


@pytest.mark.parametrize("number", ["true", "false"])
async def test_a_value_that_is_no_json_is_an_internal_error(number: str) -> None:
    response = await ask(door(), f"{{ unserialisable(number: {number}) }}")
    assert (response.status_code, response.json()["data"]) == (200, None)
    assert "internal error" in messages(response)
    assert "JSON" not in response.text


class Broken(SchemaExtension):
    """An extension of the schema that fails."""

    def on_operation(self) -> Iterator[None]:
        raise ValueError(SECRET)
        yield


async def test_an_extension_of_the_schema_that_fails_is_an_internal_error() -> None:
    response = await ask(door(Schema(Query, extensions=[Broken])), "{ hello }")
    assert (response.status_code, response.json()["data"]) == (200, None)
    assert "internal error" in messages(response)
    assert SECRET not in response.text


async def test_arguments_that_only_the_run_shows_to_be_wrong_are_the_clients_error() -> None:
    query = 'query ($value: String = "a") { hello failing(name: $value) }'
    response = await ask(door(), query, variables={"value": None})
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "hello world", "failing": None}
    assert response.json()["errors"][0]["extensions"] == {"code": "invalid"}


async def test_an_error_outside_graphql_is_a_500_with_an_id(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: HttpRequest) -> User:
        raise ValueError(SECRET)

    response = await ask(door(authenticator=broken), "{ hello }")
    assert response.status_code == 500
    assert SECRET not in response.text
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert messages(response).removeprefix("internal error ") in record.getMessage()


async def test_one_message_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    raised["a"] = Refused("One\n2026-01-01 ERROR forged")
    with caplog.at_level(logging.INFO, "caluma_async"):
        await ask(door(), '{ failing(name: "a") }')
    assert not any("\n" in record.getMessage() for record in caplog.records if record.name == "caluma_async.graphql")


async def test_errors_beyond_a_hundred_are_counted_in_the_answer_and_in_the_log(
    caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.GRAPHQL_MAX_ALIASES = 1_000
    raised["a"] = Refused("Not now.")
    with caplog.at_level(logging.INFO, "caluma_async.graphql"):
        response = await ask(door(), "{" + " ".join(f'a{n}: failing(name: "a")' for n in range(130)) + "}")
    errors = response.json()["errors"]
    assert [error["message"] for error in errors] == ["Not now."] * 100 + ["30 more errors are left out."]
    assert len(caplog.records) == 101
