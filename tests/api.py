"""Asking the real schema in a test's own transaction: what the door does, without HTTP."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.graphql.context import Context
from caluma_async.graphql.database import on_callers_thread
from caluma_async.graphql.execution import Asked, Outcome, execute
from caluma_async.graphql.relay import encode
from caluma_async.graphql.schema import schema


def outcome(document: str, /, *, context: Context | None = None, **variables: Any) -> Outcome:
    """What is answered: status and body."""
    with on_callers_thread():
        return async_to_sync(execute)(schema, Asked(query=document, variables=variables), context or Context())


def ask(document: str, /, *, context: Context | None = None, **variables: Any) -> Any:
    """The data of an answer without errors."""
    answered = outcome(document, context=context, **variables)
    assert answered.status == 200, answered.body
    assert "errors" not in answered.body, answered.body["errors"]
    return answered.body["data"]


def refusal(document: str, /, *, context: Context | None = None, **variables: Any) -> dict[str, Any]:
    """The one error of an answer; an internal one is none that may be expected."""
    answered = outcome(document, context=context, **variables)
    errors = answered.body["errors"]
    assert len(errors) == 1, errors
    error: dict[str, Any] = {"extensions": {}, **errors[0], "status": answered.status}
    assert error["extensions"].get("code") != "internal", error
    return error


def statements(document: str, /, *, context: Context | None = None, **variables: Any) -> int:
    """How many SQL statements an answer without errors costs."""
    with CaptureQueriesContext(connection) as captured:
        ask(document, context=context, **variables)
    return len(captured.captured_queries)


def nodes(connection_data: dict[str, Any]) -> list[Any]:
    """The nodes of a connection."""
    return [edge["node"] for edge in connection_data["edges"]]


def gid(instance: Any, name: str | None = None) -> str:
    """The global id of an object; the type's name is the model's unless given."""
    return encode(name or type(instance).__name__, instance.pk)
