"""GraphQL over WebSocket, as an ASGI application: who may connect, as whom, and how a connection ends."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from io import BytesIO
from typing import Any, Final

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from strawberry.channels import GraphQLWSConsumer
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.websocket_origin import is_same_origin
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET

from caluma_async.conf import settings
from caluma_async.correlation import request_id
from caluma_async.errors import NotAllowed, Unauthenticated, Unavailable
from caluma_async.graphql import body, errors
from caluma_async.graphql.app import GraphQLApp
from caluma_async.graphql.body import BadRequestError
from caluma_async.graphql.context import Context
from caluma_async.graphql.live.protocol import Handler
from caluma_async.graphql.middleware import as_json, language_of
from caluma_async.identity import ANONYMOUS, User

logger = logging.getLogger("caluma_async.requests")

INIT_WITHIN: Final = timedelta(seconds=10)
"""How long a client may take to say who it is."""

MESSAGES: Final = 100
"""Messages of a client that may wait to be read."""

REFUSED, TOO_LARGE, BROKEN, TRY_LATER = 4403, 1009, 1011, 1013
_LONGEST_REASON: Final = 120


class LiveApp:
    """The ASGI application for WebSockets at `/graphql`, beside the one for HTTP whose schema and rules it shares."""

    def __init__(self, graphql: GraphQLApp) -> None:
        self.graphql = graphql

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI `websocket` scope."""
        await LiveConsumer(self.graphql)(scope, receive, send)


class Connection:
    """One WebSocket, as its operations see it: who is at the other end."""

    def __init__(self, consumer: LiveConsumer) -> None:
        self._consumer = consumer
        self.connection_params: dict[str, Any] | None = None
        self.request = consumer.request
        self.user: User = ANONYMOUS

    async def introduce(self) -> None:
        """Find out who it is, by the headers of the handshake and those in `connection_init`."""
        for name, value in _headers(self.connection_params or {}).items():
            self.request.META[f"HTTP_{name.upper().replace('-', '_')}"] = value
        self.request.__dict__.pop("headers", None)
        self.user = await self._consumer.app.authenticator(self.request)
        self.request.user = self.user  # type: ignore[assignment]

    def of_operation(self) -> Context:
        """What the resolvers of one operation see."""
        return Context(
            user=self.user,
            access=self._consumer.app.access(self.user, self.request),
            request=self.request,
            language=language_of(self.request),
            request_id=request_id.get(),
            hang_up=self._consumer.hang_up,
        )


class LiveConsumer(GraphQLWSConsumer[Connection, None]):
    """One connection: Strawberry's consumer without its channel layer, with a bounded inbox, closed once.

    The consumer's own frame looks after database connections on a thread that has none of ours, at a hop per message.
    """

    graphql_transport_ws_handler_class = Handler

    def __init__(self, app: GraphQLApp) -> None:
        super().__init__(
            app.schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=INIT_WITHIN,
            max_subscriptions_per_connection=settings.LIVE_SUBSCRIPTIONS,
        )
        self.app = app
        self.message_queue = asyncio.Queue(MESSAGES)
        self._is_closed = False
        self._ending: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the connection until it ends."""
        self.scope, self.base_send = scope, send
        await receive()
        request_id.set(secrets.token_hex(8))
        if not self._is_welcome():
            await self.close()
            return
        self.run_task = asyncio.create_task(self._served())
        while (message := await receive())["type"] == "websocket.receive":
            await self._take(message.get("text"))
        self._is_closed = True
        await self._finish()

    async def _take(self, text: str | None) -> None:
        most = settings.GRAPHQL_MAX_BODY
        if text is not None and len(text) > most:
            self.hang_up(f"A message is too large; at most {most} characters are allowed.", TOO_LARGE)
        elif self._ending is None:
            await self.message_queue.put({"message": text, "disconnected": False})

    async def _served(self) -> None:
        try:
            await self.run(self)
        except Exception as error:  # noqa: BLE001 - the last frame: whatever it is, the connection ends
            await self.close(BROKEN, errors.unexpected("A WebSocket broke", error))

    async def _finish(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        reading = asyncio.ensure_future(self.message_queue.put({"message": None, "disconnected": True}))
        tasks = [task for task in (self.run_task, self._ending) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        reading.cancel()

    def _is_welcome(self) -> bool:
        """Whether the server goes by that name, and pages of that origin may use it, by a protocol that it speaks."""
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in self.scope.get("subprotocols", ()):
            return False
        try:
            self.request = ASGIRequest({**self.scope, "type": "http", "method": "GET"}, BytesIO())
            host = self.request.get_host()
        except (DisallowedHost, UnicodeDecodeError):
            return False
        origin = self.request.headers.get("Origin")
        return origin is None or is_same_origin(origin, host) or self.app.middleware.allows_origin(self.request)

    def _check_websocket_origin(self, request: GraphQLWSConsumer[Connection, None]) -> bool:
        """Done already."""
        return True

    async def get_context(
        self, request: GraphQLWSConsumer[Connection, None], response: GraphQLWSConsumer[Connection, None]
    ) -> Connection:
        """The connection."""
        return Connection(self)

    async def on_ws_connect(self, context: Connection) -> Any:
        """Find out who it is; whoever is refused is told why, and the connection ends."""
        try:
            await context.introduce()
        except (Unauthenticated, NotAllowed, Unavailable) as error:
            await self.close(TRY_LATER if isinstance(error, Unavailable) else REFUSED, error.message)
            raise ConnectionRejectionError from error
        self._end_with_the_token(context.user)
        return UNSET

    def _end_with_the_token(self, user: User) -> None:
        expires = user.claims.get("exp")
        if isinstance(expires, int | float):
            self._expiry = asyncio.get_running_loop().call_later(
                expires - time.time(), self.hang_up, "The token has expired.", REFUSED
            )

    def decode_json(self, data: str | bytes) -> Any:
        """The value of a message."""
        text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        try:
            return body.parsed(text, "A message")
        except BadRequestError as error:
            raise json.JSONDecodeError(error.message, "", 0) from error

    def encode_json(self, data: object) -> str:
        """A message as text."""
        return as_json(data).decode()

    async def send(self, text_data: str | None = None, bytes_data: bytes | None = None, close: bool = False) -> None:
        """Send, unless the connection has ended."""
        if not self._is_closed:
            await self.base_send({"type": "websocket.send", "text": text_data})

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """End the connection, if it has not ended; the first reason counts."""
        if self._is_closed:
            return
        self._is_closed = True
        logger.info("WS closed, code %s: %s", code, reason)
        message = {"code": code or 1008, "reason": (reason or "").encode()[:_LONGEST_REASON].decode(errors="ignore")}
        await self.base_send({"type": "websocket.close", **message})

    def hang_up(self, reason: str, code: int = TRY_LATER) -> None:
        """End the connection and all that is done for it, without waiting for the client to take notice."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self.close(code, reason))
            if self.run_task is not None:
                self.run_task.cancel()


def _headers(payload: Mapping[str, Any]) -> dict[str, str]:
    """The headers in the payload of `connection_init` that say who asks and how: a browser can send no others."""
    within = payload.get("headers")
    given = {**payload, **(within if isinstance(within, dict) else {})}
    wanted = {"authorization", "language", "accept-language", settings.GROUP_HEADER.lower()}
    return {name.lower(): value for name, value in given.items() if isinstance(value, str) and name.lower() in wanted}
