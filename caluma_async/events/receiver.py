"""A receiver as a value: the function, what was said of it when it was registered, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from caluma_async.conf import settings
from caluma_async.errors import InvalidReceiver
from caluma_async.events.calling import Parameters, innermost, is_async
from caluma_async.events.event import RESERVED, Event, EventType
from caluma_async.events.filters import Filter, evaluated, filters_of
from caluma_async.events.options import Options, blocks
from caluma_async.events.retry import Retry

ASYNC: Final = "async"
THREAD: Final = "thread"
KINDS: Final = (ASYNC, THREAD)
"""Where receivers run: on the event loop, or in a thread."""


class Dialect(Protocol):
    """How the receivers of a foreign code base name the senders of events."""

    @property
    def name(self) -> str:
        """Whose dialect it is."""

    def sender(self, event: Event) -> object:
        """What a receiver gets as `sender`."""

    def selects(self, wanted: object, event: Event) -> bool:
        """Whether `sender=wanted` means this event."""


class Native:
    """Our own: the sender is what was given when the event was emitted, mostly the verb's class."""

    name = "native"

    def sender(self, event: Event) -> object:
        """The sender itself."""
        return event.sender

    def selects(self, wanted: object, event: Event) -> bool:
        """By the class, or by a string that is equal."""
        return event.type.is_sender(wanted, event.sender)


NATIVE = Native()


@dataclass(frozen=True, kw_only=True, eq=False)
class Receiver:
    """A function as it was registered. `name` identifies it in rows and logs, `aliases` are its former names."""

    name: str
    reference: Callable[[], Callable[..., Any] | None]
    events: tuple[EventType, ...]
    options: Options
    dialect: Dialect
    is_async: bool
    filters: tuple[Filter, ...]
    parameters: Parameters
    file: str
    line: int
    module: str
    execution: object
    connected: object = None
    """By which key `connect` knows it; `None` if it was registered by `on`."""

    @property
    def function(self) -> Callable[..., Any] | None:
        """The function; `None` if it was connected weakly and is gone."""
        return self.reference()

    @property
    def kind(self) -> str:
        """Where it runs, if nobody waits for it."""
        return ASYNC if self.is_async else THREAD

    @property
    def sender(self) -> Any:
        """The only sender whose events it receives; `None`: all."""
        return self.options.sender

    @property
    def raise_exception(self) -> bool:
        """Whether its error undoes the mutation."""
        return self.options.raise_exception

    @property
    def aliases(self) -> tuple[str, ...]:
        """Its former names."""
        return tuple(self.options.aliases)

    @property
    def ordered(self) -> bool:
        """Whether its deliveries keep to lanes."""
        return self.options.ordered

    @property
    def retry(self) -> Retry | None:
        """When failed deliveries are tried again, if it says so itself."""
        return self.options.retry

    @property
    def timeout(self) -> float | None:
        """Seconds one attempt may take, if it says so itself."""
        return self.options.timeout

    @property
    def transactional(self) -> bool | None:
        """Whether it commits together with its acknowledgement, if it says so itself."""
        return self.options.transactional

    @property
    def durable(self) -> bool:
        """Whether its deliveries are rows."""
        return self.options.durable

    @property
    def on_exhausted(self) -> str:
        """What its lane does after the last attempt: `continue` or `hold`."""
        return self.options.on_exhausted

    def blocks(self, event: EventType) -> bool:
        """Whether it holds up what emits the event."""
        return blocks(self.options, event, self.is_async) or settings.EVENT_DISPATCH == "blocking"

    def selects(self, event: Event) -> bool:
        """Whether the event comes from a sender that it receives events of; filters are not asked."""
        return self.sender is None or self.dialect.selects(self.sender, event)

    def given(self, event: Event) -> dict[str, Any]:
        """Everything that the receiver and its filters may ask for by name."""
        return {
            **event.arguments,
            "sender": self.dialect.sender(event),
            "user": event.user,
            "context": event.context,
            "event": event,
            "signal": event.type.signal,
        }

    def arguments_for(self, event: Event, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The keyword arguments of a call: what the function names, or all if it takes `**kwargs`."""
        arguments = self.given(event) if given is None else dict(given)
        if not self.parameters.open:
            return self.parameters.narrow(arguments)
        hidden = "event" if self.hears_signals(event.type) else "signal"
        if hidden not in self.parameters.names:
            del arguments[hidden]
        return arguments

    def hears_signals(self, event: EventType) -> bool:
        """Whether it was written for signals: those give `signal` and know no `event`."""
        return self.dialect is not NATIVE or self.connected is not None or event.is_signal

    def call(self, **arguments: Any) -> Any:
        """Call the function; its filters are not asked again. For an `async def`: the coroutine of `acall`."""
        if self.is_async:
            return self.acall(**arguments)
        with evaluated(self.filters):
            return self._live()(**arguments)

    async def acall(self, **arguments: Any) -> Any:
        """Await the function; its filters are not asked again."""
        with evaluated(self.filters):
            return await self._live()(**arguments)

    def _live(self) -> Callable[..., Any]:
        function = self.function
        if function is None:
            raise InvalidReceiver(f"{self.name}: connected weakly, and gone.")
        return function

    def uncallable(self) -> Iterator[str]:
        """Why it could not be called with the arguments of its events, one sentence per reason."""
        if self.parameters.positional_only:
            yield f"{', '.join(sorted(self.parameters.positional_only))} cannot be given by name"
        for event in self.events:
            if event.arguments is not None and (lacking := self.parameters.lacking({*event.arguments, *RESERVED})):
                yield f"{event.name} has no {' and no '.join(sorted(lacking))}"


def describe(
    function: Callable[..., Any],
    events: tuple[EventType, ...],
    dialect: Dialect,
    options: Options,
    name: str,
    reference: Callable[[], Callable[..., Any] | None],
) -> Receiver:
    """The receiver that a function becomes; `reference` leads back to the function."""
    origin = innermost(function)
    code = getattr(origin, "__code__", None)
    return Receiver(
        name=name,
        reference=reference,
        events=events,
        options=options,
        dialect=dialect,
        is_async=is_async(function),
        filters=filters_of(function),
        parameters=Parameters.of(function),
        file=code.co_filename if code else "",
        line=code.co_firstlineno if code else 0,
        module=getattr(function, "__module__", None) or "",
        # a module that is loaded again, or reloaded, has another one
        execution=getattr(origin, "__globals__", {}).get("__spec__") or object(),
    )


def name_of(function: Any) -> str:
    """The name of a receiver that says none: module and qualified name."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or '?'}.{name}"
