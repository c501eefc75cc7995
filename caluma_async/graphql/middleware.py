"""What Django's middleware would have done, for requests that do not pass through Django's handler.

Host check, HTTPS, CORS, security headers, request id and language: Django's and django-cors-headers' own code does it,
on Django's request and response. Authentication and everything about GraphQL are not here.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from corsheaders.middleware import CorsMiddleware
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from caluma_async.correlation import request_id
from caluma_async.graphql import errors
from caluma_async.verbs.inputs import shown

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
logger = logging.getLogger("caluma_async.requests")
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Middleware:
    """The settings of Django that concern every response, read once."""

    def __init__(self) -> None:
        self._cors = CorsMiddleware(_no_response)
        self._security = SecurityMiddleware(_no_response)
        self._frames = XFrameOptionsMiddleware(_no_response)

    async def __call__(self, request: HttpRequest, handler: Handler) -> HttpResponse:
        """The handler's response to the request, or that of what stands before it; no exception passes."""
        given = request.headers.get("X-Request-ID", "")
        own_id = given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)
        token = request_id.set(own_id)
        try:
            response = await self._translated(request, handler)
        finally:
            request_id.reset(token)
        response.headers["X-Request-ID"] = own_id
        return response

    def allows_origin(self, request: HttpRequest) -> bool:
        """Whether pages of the request's origin may use this server: as CORS has it."""
        response = HttpResponse()
        self._cors.add_response_headers(request, response)
        return "Access-Control-Allow-Origin" in response.headers

    async def _translated(self, request: HttpRequest, handler: Handler) -> HttpResponse:
        with translation.override(language_of(request)):
            response = await self._answered(request, handler)
            response.headers["Content-Language"] = translation.get_language() or ""
        patch_vary_headers(response, ("Accept-Language", "language"))
        self._security.process_response(request, response)
        self._frames.process_response(request, response)
        self._cors.add_response_headers(request, response)
        return response

    async def _answered(self, request: HttpRequest, handler: Handler) -> HttpResponse:
        try:
            request.get_host()
            early = self._cors.check_preflight(request) or self._security.process_request(request)
            return cast("HttpResponse", early) if early is not None else await handler(request)
        except DisallowedHost:
            logger.warning("The host %s is none of ALLOWED_HOSTS.", shown(request.META.get("HTTP_HOST", "")))
            return json_response(400, errors.outermost("The host of this request is none of ALLOWED_HOSTS."))
        except Exception as error:  # noqa: BLE001 - the last frame: whatever it is, the client gets an answer
            return json_response(500, errors.outermost(errors.unexpected("Internal error outside GraphQL", error)))


def language_of(request: HttpRequest) -> str:
    """The language of the request: that of the header `language`, else the one that Django would choose."""
    try:
        return translation.get_supported_language_variant(request.headers.get("language", ""))
    except LookupError:
        return translation.get_language_from_request(request)


def json_response(status: int, body: Any, headers: dict[str, str] | None = None) -> HttpResponse:
    """A response with the value as JSON."""
    return HttpResponse(as_json(body), status=status, content_type="application/json", headers=headers)


def as_json(value: Any) -> bytes:
    """The value as JSON. It escapes all but ASCII, so that any text survives; raises `ValueError`, `TypeError`."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _no_response(request: HttpRequest) -> HttpResponse:
    raise AssertionError("unreachable: the middleware's own parts are called one by one")
