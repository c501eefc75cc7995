"""The body of a request: read within its limit, and taken apart into what is asked."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from django.http import HttpRequest

from caluma_async.conf import settings
from caluma_async.graphql.execution import Asked
from caluma_async.verbs.inputs import is_storable

Receive = Callable[[], Awaitable[Any]]


class BadRequestError(Exception):
    """The request cannot be answered with data; `status` is the HTTP status, the message is for the client."""

    def __init__(self, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.headers = dict(headers or {})


async def read(request: HttpRequest, receive: Receive) -> bytes:
    """The bytes of the body, as they come; at most `GRAPHQL_MAX_BODY` of them."""
    limit = settings.GRAPHQL_MAX_BODY
    announced = request.headers.get("Content-Length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequestError("The connection was closed before the body was complete.")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def take_apart(body: bytes) -> Asked:
    """What the JSON of a body asks for."""
    return asked_for(parsed(body, "The body"))


def asked_for(data: Any) -> Asked:
    """What the JSON value of a body, or of a message, asks for."""
    if not isinstance(data, dict):
        raise BadRequestError("The body must be one JSON object with query and variables; there is no batching.")
    query, operation_name = data.get("query"), data.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise BadRequestError("The body has no query, or it is not a text.")
    if operation_name is not None and not isinstance(operation_name, str):
        raise BadRequestError("operationName must be a text.")
    return Asked(query=query, variables=_variables(data.get("variables")), operation_name=operation_name or None)


def _variables(given: Any) -> dict[str, Any] | None:
    """An object, nothing, or either as JSON in a text: that is how some clients send them."""
    if given == "":
        return None
    variables = parsed(given.encode("utf-8", "surrogatepass"), "variables") if isinstance(given, str) else given
    if variables is None:
        return None
    if not isinstance(variables, dict):
        raise BadRequestError("variables must be an object.")
    return variables


def parsed(text: bytes, what: str) -> Any:
    """The JSON value in a text; `what` names it in messages."""
    try:
        value = _decoder.decode(text.decode())
    except RecursionError:
        raise BadRequestError(f"{what} is nested too deeply.") from None
    except ValueError:
        raise BadRequestError(f"{what} must be JSON in UTF-8.") from None
    if b"\\u" in text and not _is_storable(value):
        raise BadRequestError(f"{what} has a text with a NUL or half of a surrogate pair, which cannot be stored.")
    return value


def _is_storable(value: Any) -> bool:
    """Whether every text below can be stored; without recursion, for the value may be deep."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            if not is_storable(item):
                return False
        elif isinstance(item, dict):
            left.extend(item.keys())
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _too_large(limit: int) -> BadRequestError:
    return BadRequestError(f"The body is too large; at most {limit} bytes are allowed.", status=413)


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
