"""What the spans are called and what they tell, by OpenTelemetry's conventions for HTTP, GraphQL and messaging.

No argument, claim, token or text of an error is told: whoever sees traces need not be somebody who may see data.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec

from caluma_async import around
from caluma_async.around import Served
from caluma_async.errors import CalumaError

if TYPE_CHECKING:
    from caluma_async.events.executor import Attempt
    from caluma_async.verbs import Verb

try:
    from opentelemetry import context, propagate, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ModuleNotFoundError:  # an extra: whoever does not ask for traces does not need it
    trace = None  # type: ignore[assignment]

P = ParamSpec("P")

SYSTEM: Final = "caluma_async"
"""What the messaging system is called."""

_HEADER: Final = "traceparent"
_LONGEST_NAME: Final = 100
_NOTHING: Final = nullcontext()
_BETWEEN_LOOKS: Final = 0.1
"""Seconds between two looks for a provider that is not there."""


def install() -> None:
    """Put spans around everything from now on, if opentelemetry-api is installed."""
    _is_collected.look_again_at = 0.0
    if trace is not None:
        around.requests.put(request)
        around.verbs.put(verb)
        around.attempts.put(attempt)
        around.carried.take_from(traceparent)


def uninstall() -> None:
    """Put them around nothing any more."""
    for unit in (around.requests, around.verbs, around.attempts):
        unit.put(None)
    around.carried.take_from(None)


async def flush() -> None:
    """Have the spans sent that still wait for it: a process that is stopped by a signal has no other end."""
    provider = None if trace is None else trace.get_tracer_provider()
    if hasattr(provider, "force_flush"):
        await asyncio.to_thread(provider.force_flush)


def traceparent() -> str | None:
    """The span that is current, as W3C writes it; `None` if there is none."""
    if not _is_collected():
        return None
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(_HEADER)


class _Collecting:
    """Whether the site has set up a provider: else there is nobody to tell.

    OpenTelemetry asks the environment for one at every look as long as there is none, which takes longer than all else
    that is done here.
    """

    def __init__(self) -> None:
        self.look_again_at = 0.0

    def __call__(self) -> bool:
        """As of the last look."""
        now = time.monotonic()
        if now < self.look_again_at:
            return False
        found = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
        if not found:
            self.look_again_at = now + _BETWEEN_LOOKS
        return found


_is_collected: Final = _Collecting()


def _if_collected(
    span: Callable[P, AbstractContextManager[object]],
) -> Callable[P, AbstractContextManager[object]]:
    @wraps(span)
    def put(*args: P.args, **kwargs: P.kwargs) -> AbstractContextManager[object]:
        return span(*args, **kwargs) if _is_collected() else _NOTHING

    return put


@_if_collected
@contextmanager
def request(served: Served) -> Iterator[None]:
    """A GraphQL request: part of the trace that its headers name, or of the one that it is in already."""
    within = trace.get_current_span().get_span_context().is_valid
    parent = context.get_current() if within else propagate.extract(served.headers)
    kind = trace.SpanKind.INTERNAL if within else trace.SpanKind.SERVER
    told = {"http.request.method": served.method, "url.path": served.path, "url.scheme": served.scheme}
    with _span("GraphQL Operation", kind, told, parent) as span:
        yield
        _tell_outcome(span, served)


def _tell_outcome(span: Any, served: Served) -> None:
    span.set_attribute("http.response.status_code", served.status)
    if served.kind in {"query", "mutation"}:
        span.update_name(served.kind)
        span.set_attribute("graphql.operation.type", served.kind)
    if served.name:
        span.set_attribute("graphql.operation.name", served.name[:_LONGEST_NAME])
    if served.code is not None:
        span.set_attribute("error.type", served.code)
    if served.status >= 500 or served.code == "internal":
        span.set_status(trace.StatusCode.ERROR)


@_if_collected
@contextmanager
def verb(carried_out: Verb[Any]) -> Iterator[None]:
    """A verb, from before its transaction until after its commit."""
    kind = type(carried_out)
    told = {"code.function.name": f"{kind.__module__}.{kind.__qualname__}"}
    with _span(kind.__name__, trace.SpanKind.INTERNAL, told, context.get_current()):
        yield


@_if_collected
@contextmanager
def attempt(attempted: Attempt) -> Iterator[None]:
    """An attempt of a delivery, as part of the trace in which its event was recorded."""
    event, claim = attempted.event, attempted.assignment.claim
    parent = TraceContextTextMapPropagator().extract({_HEADER: claim.event.trace or ""}, context=context.Context())
    told = {
        "messaging.system": SYSTEM,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": event.name,
        "messaging.consumer.group.name": attempted.receiver.name,
        "messaging.message.id": str(event.id),
        "messaging.message.conversation_id": str(event.correlation_id),
        "caluma.delivery.id": claim.id,
        "caluma.delivery.attempt": event.attempt,
    }
    with _span(f"process {event.name}", trace.SpanKind.CONSUMER, told, parent, _links(parent)):
        yield


def _links(parent: Any) -> list[Any]:
    creation = trace.get_current_span(parent).get_span_context()
    return [trace.Link(creation)] if creation.is_valid else []


@contextmanager
def _span(name: str, kind: Any, told: Any, parent: Any, links: Any = ()) -> Iterator[Any]:
    """A span that is current for the length of the block. An error is told by its class only."""
    tracer = trace.get_tracer("caluma_async")
    span = tracer.start_span(name, context=parent, kind=kind, attributes=told, links=links)
    token = context.attach(trace.set_span_in_context(span, parent))
    try:
        yield span
    except BaseException as error:
        kind_of_error = type(error)
        code = error.code if isinstance(error, CalumaError) else None
        span.set_attribute("error.type", code or f"{kind_of_error.__module__}.{kind_of_error.__qualname__}")
        span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        context.detach(token)
        span.end()
