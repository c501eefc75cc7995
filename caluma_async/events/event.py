"""Event types, and the value that one emission is. Who receives them and how they run is not told here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from uuid import UUID

from asgiref.sync import sync_to_async
from django.dispatch import Signal
from django.utils import timezone

from caluma_async.errors import Misconfigured
from caluma_async.identity import ANONYMOUS
from caluma_async.keys import uuid7

if TYPE_CHECKING:
    from caluma_async.events.receivers import Receiver

PHASES = ("pre", "post")
RESERVED = frozenset({"event", "signal", "sender", "user", "context"})
"""What every receiver may ask for; no argument of an event may be called so."""

Lane = Callable[[Mapping[str, Any]], str | None]
Outcome = tuple[Callable[..., Any], Any]


class Engine(Protocol):
    """What a type leaves to the modules above: registering receivers, and running them."""

    def connect(self, event: EventType, function: Callable[..., Any], **options: Any) -> None:
        """Register a blocking receiver."""

    def disconnect(self, event: EventType, function: Callable[..., Any] | None, **options: Any) -> bool:
        """Take a receiver away; whether there was one."""

    def send(self, event: EventType, *, sender: Any, robust: bool, **named: Any) -> list[Outcome]:
        """Emit; what the blocking receivers that ran returned or raised."""


_types: dict[str, EventType] = {}


class EventType(Signal):
    """A kind of event.

    `name` identifies it in rows and logs and is unique. `phase` is `"pre"` or `"post"`, taken from the name's prefix
    unless given. `subject` names the argument that the event is about. `arguments` are the names of what receivers
    get besides `sender`, `user` and `context`; `None` leaves that open. `lane` says of the arguments which lane the
    event's deliveries belong to: those of one receiver and one lane run one at a time, in order.

    `connect`, `disconnect`, `send` and Django's `receiver()` work as for any signal and concern blocking receivers.
    Raises `Misconfigured` for a name that another module has declared.
    """

    engine: ClassVar[Engine]
    is_signal: ClassVar[bool] = False
    """Whether this stands for a signal of Django's, which blocks unless a receiver says otherwise."""
    deliverable: bool = True
    """Whether what the event is about can still be loaded after the commit."""

    def __init__(
        self,
        name: str,
        *,
        phase: str | None = None,
        subject: str | None = None,
        arguments: tuple[str, ...] | None = (),
        lane: Lane | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.phase = phase or _phase_of(name)
        self.arguments = None if arguments is None else tuple(arguments)
        self.subject = subject or (self.arguments[0] if self.arguments else None)
        self.lane = lane
        self.signal: Signal = self
        self.receivers: list[Receiver] = []
        self.module: str = sys._getframe(1).f_globals.get("__name__", "")
        self._refuse_mistakes()
        _declare(self)

    def _refuse_mistakes(self) -> None:
        if self.phase not in (*PHASES, None):
            raise Misconfigured(f"{self.name}: the phase {self.phase!r} is neither 'pre' nor 'post'.")
        if taken := RESERVED.intersection(self.arguments or ()):
            raise Misconfigured(f"{self.name}: no argument may be called {' or '.join(sorted(taken))}.")
        if self.subject and self.arguments is not None and self.subject not in self.arguments:
            raise Misconfigured(f"{self.name}: its subject {self.subject!r} is none of its arguments.")

    def __repr__(self) -> str:
        return f"<EventType {self.name}>"

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        *,
        dialect: Any = None,
    ) -> None:
        """Register a blocking receiver whose errors are logged, as Django's signals do it."""
        self.engine.connect(self, receiver, sender=sender, weak=weak, dispatch_uid=dispatch_uid, dialect=dialect)

    def disconnect(
        self, receiver: Callable[..., Any] | None = None, sender: Any = None, dispatch_uid: Any = None
    ) -> bool:
        """Take a receiver away, whether connected or registered by `on`; whether there was one."""
        return self.engine.disconnect(self, receiver, sender=sender, dispatch_uid=dispatch_uid)

    def is_sender(self, wanted: Any, sender: Any) -> bool:
        """Whether this is the sender that a receiver selected."""
        return wanted is sender or bool(wanted == sender)

    def changed(self) -> None:
        """Called after receivers came or went."""

    def has_listeners(self, sender: Any = None) -> bool:
        """Whether any receiver is registered for this sender; filters are not asked."""
        event = Event.of(self, sender=sender) if self.receivers else None
        return event is not None and any(receiver.selects(event) for receiver in self.receivers)

    def has_blocking_receivers(self, sender: Any = None) -> bool:
        """Whether any blocking receiver is registered for this sender; filters are not asked."""
        event = Event.of(self, sender=sender) if self.receivers else None
        return event is not None and any(
            receiver.blocks(self) and receiver.selects(event) for receiver in self.receivers
        )

    def send(self, sender: Any, **named: Any) -> list[Outcome]:
        """Emit. Returns pairs of receiver and what it returned, or the error that was logged.

        Raises `SignalHandlingError` if a receiver with `raise_exception=True` failed.
        """
        return self.engine.send(self, sender=sender, robust=False, **named)

    def send_robust(self, sender: Any, **named: Any) -> list[Outcome]:
        """Emit, and return also the errors that `send` raises."""
        return self.engine.send(self, sender=sender, robust=True, **named)

    async def asend(self, sender: Any, **named: Any) -> list[Outcome]:
        """`send` from a coroutine."""
        return await sync_to_async(self.send)(sender, **named)

    async def asend_robust(self, sender: Any, **named: Any) -> list[Outcome]:
        """`send_robust` from a coroutine."""
        return await sync_to_async(self.send_robust)(sender, **named)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One emission: what happened, to what, by whom and why.

    `arguments` are the live objects by name. `causation_id` is the event whose receiver emitted this one,
    `correlation_id` the first of the chain, `chain` the names of all of them, this one last. `lane` is only
    computed where somebody receives the event without blocking. `attempt` counts the attempts of a delivery.
    """

    id: UUID
    type: EventType
    sender: Any
    arguments: Mapping[str, Any]
    user: Any
    context: Any
    lane: str | None = None
    emitted_at: datetime
    causation_id: UUID | None = None
    correlation_id: UUID
    chain: tuple[str, ...]
    attempt: int = 1

    @property
    def name(self) -> str:
        """The name of the event's type."""
        return self.type.name

    @classmethod
    def of(
        cls,
        kind: EventType,
        *,
        sender: Any,
        user: Any = ANONYMOUS,
        context: Any = None,
        arguments: Mapping[str, Any] = MappingProxyType({}),
        cause: Event | None = None,
    ) -> Event:
        """What is emitted now, because of `cause` if a receiver of that event emits it."""
        key = uuid7()
        return _made(
            {
                "id": key,
                "type": kind,
                "sender": sender,
                "arguments": arguments,
                "user": user,
                "context": context,
                "emitted_at": timezone.now(),
                "causation_id": cause.id if cause else None,
                "correlation_id": cause.correlation_id if cause else key,
                "chain": (*cause.chain, kind.name) if cause else (kind.name,),
            }
        )

    def copied(self, **changes: Any) -> Event:
        """The same with other values for some of its fields."""
        return _made(vars(self) | changes)


def _made(fields: Mapping[str, Any]) -> Event:
    """An event of values for all fields that have no default.

    A frozen dataclass sets its fields one by one, which takes longer than all else that making an event takes.
    """
    event = object.__new__(Event)
    vars(event).update(fields)
    return event


def event_types() -> Mapping[str, EventType]:
    """Every event type by name, in the order in which they were declared."""
    return MappingProxyType(_types)


def event_type(name: str) -> EventType:
    """The event type of this name; raises `Misconfigured` if there is none."""
    if name not in _types:
        raise Misconfigured(f"There is no event type {name!r}.")
    return _types[name]


def restore(types: Mapping[str, EventType]) -> None:
    """Forget the event types that are not among these; those that stand for signals stay. For tests."""
    kept = {name: kind for name, kind in _types.items() if kind.is_signal}
    _types.clear()
    _types.update({**kept, **types})


def _phase_of(name: str) -> str | None:
    prefix = name.partition("_")[0]
    return prefix if prefix in PHASES else None


_declaring = threading.Lock()


def _declare(event: EventType) -> None:
    """Keep the type by name; a module that is loaded again takes over the receivers of its former types."""
    with _declaring:
        former = _types.get(event.name)
        if former is not None and former.module != event.module:
            raise Misconfigured(f"The event type {event.name!r} is declared in {former.module} and in {event.module}.")
        if former is not None:
            event.receivers = former.receivers
        _types[event.name] = event
