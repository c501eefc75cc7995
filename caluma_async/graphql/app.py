"""GraphQL over HTTP, as an ASGI application beside Django's own. What is run, and how, lies in `execution.py`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final, cast

from cross_web import AsyncHTTPRequestAdapter
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.module_loading import import_string
from strawberry.channels import ChannelsRequest, GraphQLHTTPConsumer
from strawberry.channels.handlers.http_handler import ChannelsResponse
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.temporal_response import TemporalResponse
from strawberry.types import ExecutionResult

from caluma_async import around
from caluma_async.access import Access
from caluma_async.access.authentication import Authenticator
from caluma_async.access.site import site_access
from caluma_async.around import Served
from caluma_async.conf import settings
from caluma_async.correlation import request_id
from caluma_async.errors import NotAllowed, Unauthenticated, Unavailable
from caluma_async.graphql import body, errors
from caluma_async.graphql.body import BadRequestError
from caluma_async.graphql.context import Context
from caluma_async.graphql.execution import Asked, Outcome, Schema, execute
from caluma_async.graphql.middleware import Middleware, as_json, json_response
from caluma_async.identity import User

logger = logging.getLogger("caluma_async.requests")

_TURNED_AWAY: Final[Mapping[type[Exception], tuple[int, dict[str, str]]]] = {
    Unauthenticated: (401, {"WWW-Authenticate": "Bearer"}),
    NotAllowed: (403, {}),
    Unavailable: (503, {"Retry-After": "5"}),
}
"""How the authenticator's errors are answered."""

_PLACEHOLDER: Final = (
    "Loading...",
    (
        "GraphiQL loads its scripts from unpkg.com. If this text stays, the browser cannot get them there;"
        " any other GraphQL client can use this address meanwhile."
    ),
)
"""What the page says until its scripts have come: as it is, and so that one knows what is missing where none can."""


class GraphQLApp:
    """The ASGI application for `/graphql`: what all its requests share. Each is served by a consumer of its own.

    `access` gives the rules that hold for a request.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        access: Callable[[User, HttpRequest], Access] = site_access,
        authenticator: Authenticator | None = None,
    ) -> None:
        self.schema = schema
        self.access = access
        self.authenticator: Authenticator = authenticator or import_string(settings.AUTHENTICATOR)
        self.middleware = Middleware()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI `http` scope."""
        await GraphQLConsumer(self)(scope, receive, send)


class GraphQLConsumer(GraphQLHTTPConsumer[Context, None]):
    """One request: Strawberry's consumer without its channel layer, on Django's request and response.

    The consumer's own frame looks after database connections on a thread that has none of ours, at a hop per message.
    """

    def __init__(self, app: GraphQLApp) -> None:
        super().__init__(app.schema, allow_queries_via_get=False, subscription_protocols=())
        self._app = app
        self._outcome = Outcome(status=200, body={})
        self._operation_name: str | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read and answer."""
        self.scope, self._receive = scope, receive
        try:
            self._request = ASGIRequest(scope, BytesIO())
            response = await self._app.middleware(self._request, self._respond)
        except UnicodeDecodeError:
            response = json_response(400, errors.outermost("The address of the request is not UTF-8."))
        response.headers["Content-Length"] = str(len(response.content))
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})

    async def _respond(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        served = self._served(request)
        with around.requests(served):
            response = await self._answer(request)
            self._tell_outcome(served, response.status_code)
        self._log(response.status_code, time.perf_counter() - started)
        return response

    def _served(self, request: HttpRequest) -> Served:
        method, scheme = request.method or "", request.scheme or ""
        return Served(method=method, path=request.path, scheme=scheme, headers=request.headers)

    def _tell_outcome(self, served: Served, status: int) -> None:
        served.status, served.kind, served.name = status, self._outcome.kind, self._operation_name
        served.code = errors.first_code(self._outcome.body)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            if self._wants_page():
                return HttpResponse(self.graphql_ide_html.replace(*_PLACEHOLDER))
            self._check_kind(request)
            request.user = await self._app.authenticator(request)  # type: ignore[assignment]
            content = await body.read(request, self._receive)
            answer = cast("ChannelsResponse", await self.run(ChannelsRequest(consumer=self, body=content)))
            return HttpResponse(answer.content, status=answer.status, content_type=answer.content_type)
        except (Unauthenticated, NotAllowed, Unavailable) as error:
            status, headers = _TURNED_AWAY[type(error)]
            return json_response(status, errors.outermost(error.message), headers)
        except BadRequestError as error:
            return json_response(error.status, errors.outermost(error.message), error.headers)

    def _wants_page(self) -> bool:
        request = self._request
        return settings.GRAPHIQL and request.method == "GET" and "text/html" in request.headers.get("Accept", "")

    def _check_kind(self, request: HttpRequest) -> None:
        if request.method != "POST":
            raise BadRequestError("GraphQL is served by POST only.", status=405, headers={"Allow": "POST"})
        if request.content_type != "application/json":
            raise BadRequestError("The Content-Type of the request must be application/json.")

    async def get_context(self, request: ChannelsRequest, response: TemporalResponse) -> Context:
        """What resolvers see of the request."""
        user = cast("User", self._request.user)
        return Context(
            user=user,
            access=self._app.access(user, self._request),
            request=self._request,
            language=translation.get_language() or "",
            request_id=request_id.get(),
        )

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """What is asked; raises `BadRequestError`."""
        asked = body.take_apart(await request.get_body())
        return GraphQLRequestData(asked.query, asked.variables, asked.operation_name, extensions=None)

    async def execute_single(
        self,
        request: ChannelsRequest,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: TemporalResponse,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Run what is asked."""
        asked = Asked(
            query=cast("str", request_data.query),
            variables=request_data.variables,
            operation_name=request_data.operation_name,
        )
        self._operation_name = asked.operation_name
        self._outcome = await execute(self._app.schema, asked, context)
        return self._outcome.result

    async def process_result(self, request: ChannelsRequest, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The outcome in the contract's shape."""
        return cast("GraphQLHTTPResponse", self._outcome.body)

    def create_response(self, response_data: Any, sub_response: TemporalResponse) -> ChannelsResponse:
        """The outcome with the status that it has."""
        try:
            content = as_json(response_data)
        except (TypeError, ValueError, RecursionError) as error:
            # a resolver's fault, and after a mutation nothing that a client should take for a failure of the transport
            content = as_json({"data": None, **errors.outermost(errors.unexpected("An answer is not JSON", error))})
        return ChannelsResponse(content, status=self._outcome.status)

    def _log(self, status: int, seconds: float) -> None:
        """Mutations and what went wrong at INFO, the rest at DEBUG."""
        kind = self._outcome.kind
        level = logging.INFO if kind == "mutation" or status >= 400 else logging.DEBUG
        if logger.isEnabledFor(level):
            method, user = self.scope["method"], getattr(self._request, "user", "")
            logger.log(level, "%s %s %d in %.0f ms, user %s", method, kind, status, seconds * 1000, user)
