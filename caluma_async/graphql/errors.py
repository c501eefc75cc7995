"""Errors as clients see them, and as the log does. No text of Django's or Python's own exceptions goes out."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Any, Final, TypeGuard

from django.db import OperationalError
from graphql import GraphQLError

from caluma_async.errors import CalumaError, InvalidInput, Misconfigured, SignalHandlingError

Formatted = dict[str, Any]
logger = logging.getLogger("caluma_async.graphql")

BUSY: Final = "Somebody else is changing the same objects, and it took too long; nothing was changed. Try again."

MOST_ERRORS: Final = 100
"""Errors that one answer lists: a short document can make one for each of very many objects."""

# PostgreSQL: lock_not_available, deadlock_detected, serialization_failure
_BUSY_STATES = {"55P03", "40P01", "40001"}


def outermost(message: str) -> Formatted:
    """The body of an answer that never reached a resolver."""
    logger.info("Refused: %s", _one_line(message))
    return {"errors": [{"message": message}]}


def invalid_request(errors: Sequence[GraphQLError]) -> Formatted:
    """The body of an answer to a document or to variables that are wrong: there is no `data`."""
    logger.info("Refused: %s", _one_line("; ".join(error.message for error in errors)))
    return {"errors": [_located(error, error.message) for error in errors]}


def of_resolvers(errors: Sequence[GraphQLError]) -> list[Formatted]:
    """The list `errors` beside `data`: the first ones, and how many more there are."""
    listed = [of_resolver(error) for error in errors[:MOST_ERRORS]]
    if len(errors) > MOST_ERRORS:
        left_out = f"{len(errors) - MOST_ERRORS} more errors are left out."
        logger.info("%s", left_out)
        listed.append({"message": left_out, "extensions": {"code": "invalid"}})
    return listed


def first_code(body: Formatted) -> str | None:
    """The code of the first error in the body of an answer; `None` if there is no error."""
    listed = body.get("errors")
    return str(listed[0].get("extensions", {}).get("code", "invalid")) if listed else None


def of_resolver(error: GraphQLError) -> Formatted:
    """An error at a field. Expected ones are logged in one line; others with traceback and an id that goes out."""
    cause = _cause(error)
    if cause is None:
        # the library's own words about arguments that the schema does not allow
        return _expected(error, error.message, {"code": "invalid"})
    if isinstance(cause, SignalHandlingError) and not all(map(_is_meant, cause.caught_exceptions)):
        logger.error("Receivers undid %s", _place(error), exc_info=cause)
    if _is_meant(cause):
        return _expected(error, _message(cause), _extensions(cause))
    if isinstance(cause, OperationalError) and _is_busy(cause):
        return _expected(error, BUSY, {"code": "refused"})
    return _unexpected(error, cause)


def unexpected(message: str, cause: BaseException) -> str:
    """Log an error that should not have been, and give the sentence that goes out for it."""
    return _internal(_logged(message, cause))


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _is_meant(error: BaseException) -> TypeGuard[CalumaError]:
    """Whether a receiver said no on purpose, in the words of this product."""
    return isinstance(error, CalumaError) and not isinstance(error, Misconfigured)


def _message(cause: CalumaError) -> str:
    return f"{cause.message} (code='invalid')" if _says_code(cause) else cause.message


def _says_code(cause: CalumaError) -> bool:
    """Whether a client looks for the code in the message; the words of a format are shown as they are."""
    return isinstance(cause, InvalidInput) and cause.code == InvalidInput.code


def _extensions(cause: CalumaError) -> dict[str, Any]:
    if isinstance(cause, InvalidInput) and len(cause.fields) > 1:
        return {**cause.extensions, "fields": dict(cause.fields)}
    return cause.extensions


def _is_busy(cause: OperationalError) -> bool:
    state = getattr(cause.__cause__, "sqlstate", None)
    name = getattr(cause.__cause__, "sqlite_errorname", "")
    return state in _BUSY_STATES or name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _expected(error: GraphQLError, message: str, extensions: dict[str, Any]) -> Formatted:
    logger.info("%s at %s: %s", extensions["code"], _place(error), _one_line(message))
    return {**_located(error, message), "extensions": extensions}


def _unexpected(error: GraphQLError, cause: BaseException) -> Formatted:
    error_id = _logged(f"Internal error at {_place(error)}", cause)
    return {**_located(error, _internal(error_id)), "extensions": {"code": "internal", "id": error_id}}


def _logged(message: str, cause: BaseException) -> str:
    error_id = secrets.token_hex(6)
    logger.error("%s, id %s", message, error_id, exc_info=cause)
    return error_id


def _internal(error_id: str) -> str:
    return f"internal error {error_id}"


def _located(error: GraphQLError, message: str) -> Formatted:
    formatted: Formatted = {"message": message}
    if error.locations:
        formatted["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        formatted["path"] = error.path
    return formatted


def _place(error: GraphQLError) -> str:
    return ".".join(str(key) for key in error.path or ["?"])


def _one_line(text: str) -> str:
    return " ".join(text.split())[:1000]
