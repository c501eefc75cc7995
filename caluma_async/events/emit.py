"""Emitting: blocking receivers are run at once, the others are kept until the transaction commits."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, transaction
from django.dispatch import Signal

from caluma_async.conf import settings
from caluma_async.errors import CalumaError, Misconfigured, RunawayEvents, SignalHandlingError, SyncVerbOnEventLoop
from caluma_async.events import audience, blocking
from caluma_async.events import registry as registration
from caluma_async.events.event import Event, EventType, Outcome
from caluma_async.events.receiver import Receiver
from caluma_async.events.scope import (
    Due,
    Pending,
    Scope,
    cause,
    caused_by,
    current_scope,
    emissions,
    use_recorder,
    will_commit,
)
from caluma_async.identity import ANONYMOUS

__all__ = ["asend_event", "caused_by", "emissions", "emit", "send_event", "use_recorder", "watchers"]

watchers: list[Callable[[Event], None]] = []
"""Told of every emission, also of those that nobody receives. For tests."""


def emit(event: EventType, /, *, sender: Any, user: Any, context: Any = None, **arguments: Any) -> bool:
    """Emit an event; whether a blocking receiver was called. For verbs: others use `send_event`.

    Raises `SignalHandlingError` if a receiver with `raise_exception=True` failed.
    """
    if not event.receivers and not watchers and not audience.wants(event, arguments):
        return False
    return _Emission(event, sender, user, context, arguments).run().called


def send_event(
    event: Signal, /, sender: Any = None, *, user: Any = None, context: Any = None, **arguments: Any
) -> None:
    """Emit an event of your own type, or send a signal of Django's.

    `sender` is anything that receivers may select by. Outside a transaction it opens one if any receiver runs.
    Raises `SignalHandlingError` if a receiver with `raise_exception=True` failed, `Misconfigured` if an argument
    that the type declares is missing, `SyncVerbOnEventLoop` on the event loop's thread.
    """
    _refuse_on_event_loop()
    if not isinstance(event, EventType):
        event.send(sender=sender, user=_user(user), context=context, **arguments)
        return
    if missing := set(event.arguments or ()).difference(arguments):
        raise Misconfigured(f"{event.name}: emitted without {' and '.join(sorted(missing))}.")
    emit(event, sender=sender, user=_user(user), context=context, **arguments)


async def asend_event(
    event: Signal, /, sender: Any = None, *, user: Any = None, context: Any = None, **arguments: Any
) -> None:
    """`send_event` from a coroutine: in the thread, and so in the transaction, that its database calls use."""
    await sync_to_async(send_event)(event, sender, user=user, context=context, **arguments)


def _user(user: Any) -> Any:
    """Who is named; else who makes the request, or in whose name the receiver runs."""
    if user is not None:
        return user
    event, scope = cause(), current_scope()
    if event is not None:
        return event.user
    return ANONYMOUS if scope is None or scope.user is None else scope.user


def _refuse_on_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise SyncVerbOnEventLoop(
        "send_event was called synchronously on the event loop's thread; use `await asend_event(…)` there."
    )


class _Emission:
    """One event on its way to its receivers."""

    _opened: ExitStack
    """What blocking receivers need around them."""

    def __init__(
        self, kind: EventType, sender: Any, user: Any, context: Any, arguments: Mapping[str, Any], robust: bool = False
    ) -> None:
        self.event = Event.of(kind, sender=sender, user=user, context=context, arguments=arguments, cause=cause())
        self.robust = robust
        self.called = False
        self.outcomes: list[Outcome] = []
        self.due: list[Due] = []
        self.undoing: list[tuple[Receiver, Exception]] = []

    def run(self) -> _Emission:
        """Offer the event to all its receivers in turn, then raise what undoes the mutation."""
        for watcher in watchers:
            watcher(self.event)
        receivers = [receiver for receiver in self.event.type.receivers if receiver.selects(self.event)]
        is_heard = not receivers and audience.wants(self.event.type, self.event.arguments)
        if not receivers and not is_heard:
            return self
        self._refuse_runaway()
        offers = [(receiver, receiver.blocks(self.event.type)) for receiver in receivers]
        if any(blocks for _, blocks in offers):
            with ExitStack() as self._opened:
                self._offer_all(offers, is_heard)
        else:
            self._offer_all(offers, is_heard)
        return self

    def _offer_all(self, offers: Sequence[tuple[Receiver, bool]], is_heard: bool) -> None:
        for receiver, blocks in offers:
            self._offer(receiver, blocks)
        if self.undoing and not self.robust:
            raise _undo(self.event, self.undoing)
        is_heard = is_heard or audience.wants(self.event.type, self.event.arguments)
        if self.due or is_heard:
            self._keep(self._pending(is_heard))

    def _refuse_runaway(self) -> None:
        chain = self.event.chain
        if len(chain) > 1 and len(chain) > settings.EVENT_MAX_DEPTH:
            raise RunawayEvents(
                f"{self.event.name}: refused, the chain of events that cause each other is longer than "
                f"EVENT_MAX_DEPTH={settings.EVENT_MAX_DEPTH}: {' → '.join(chain)}."
            )

    def _offer(self, receiver: Receiver, blocks: bool) -> None:
        if not (blocks or receiver.filters):
            self.due.append(Due(receiver))
            return
        given = receiver.given(self.event)
        try:
            if not blocking.wanted(receiver, given):
                return
        except DatabaseError as error:
            error.add_note(f"in a filter of {receiver.name}, on {self.event.name}")
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this receiver's failure only
            self._failed(receiver, error) if blocks else self.due.append(Due(receiver, error))
            return
        if blocks:
            self._call(receiver, given)
        else:
            self.due.append(Due(receiver))

    def _call(self, receiver: Receiver, given: Mapping[str, Any]) -> None:
        function = receiver.function
        if function is None:
            return
        self._scope().mark_called()
        self.called = True
        result, error = blocking.run(receiver, self.event, receiver.arguments_for(self.event, given))
        if error is None:
            self.outcomes.append((function, result))
        else:
            self._failed(receiver, error)

    def _failed(self, receiver: Receiver, error: Exception) -> None:
        if receiver.function is not None:
            self.outcomes.append((receiver.function, error))
        # what a verb's receivers undo, is undone up to where somebody catches it
        if receiver.raise_exception or isinstance(error, SignalHandlingError):
            self.undoing.append((receiver, error))
        else:
            blocking.log_failure(receiver, self.event, error)

    def _scope(self) -> Scope:
        """The scope of the verb, or one for this event alone; a transaction only where something is to be done."""
        scope = current_scope()
        if scope is None:
            is_last = will_commit()
            if not connection.in_atomic_block:
                self._opened.enter_context(transaction.atomic())
            scope = self._opened.enter_context(emissions(is_last=is_last))
        return scope

    def _keep(self, pending: Pending) -> None:
        """Keep it for the verb's end; outside a verb it is recorded now, for which no transaction need be open."""
        if (scope := current_scope()) is not None:
            scope.add(pending)
            return
        with emissions() as scope:
            scope.add(pending)

    def _pending(self, is_heard: bool) -> Pending:
        event, lane = self.event, self.event.type.lane
        if event.context is not None or lane is not None:
            of_event = None if lane is None else lane(event.arguments)
            context = None if event.context is None else copy.deepcopy(event.context)
            event = event.copied(context=context, lane=of_event)
        return Pending(event, tuple(self.due), is_heard)


def _undo(event: Event, failed: Sequence[tuple[Receiver, Exception]]) -> SignalHandlingError:
    errors = [error for _, error in failed]
    told = "; ".join(f"{receiver.name} failed with {_told(error)}" for receiver, error in failed)
    leaves = [leaf for error in errors for leaf in _leaves(error)]
    raised = SignalHandlingError(f"{event.name}: {told}.", caught_exceptions=leaves)
    raised.__cause__ = errors[0] if len(errors) == 1 else ExceptionGroup(event.name, errors)
    return raised


def _told(error: Exception) -> str:
    """What a client may read: the words of an error that was meant for it, of others only what they are called."""
    meant = isinstance(error, CalumaError) and not isinstance(error, Misconfigured)
    name = type(error).__name__
    return f"{name}: {error}".rstrip(".") if meant else name


def _leaves(error: Exception) -> Sequence[BaseException]:
    return error.caught_exceptions if isinstance(error, SignalHandlingError) and error.caught_exceptions else (error,)


class _Engine:
    """What event types do as signals."""

    def connect(self, event: EventType, function: Callable[..., Any], **options: Any) -> None:
        """Register a blocking receiver."""
        registration.connect(event, function, **options)

    def disconnect(self, event: EventType, function: Callable[..., Any] | None, **options: Any) -> bool:
        """Take a receiver away; whether there was one."""
        return registration.disconnect(event, function, **options)

    def send(self, event: EventType, *, sender: Any, robust: bool, **named: Any) -> list[Outcome]:
        """Emit; what the blocking receivers that ran returned or raised."""
        _refuse_on_event_loop()
        user, context = _user(named.pop("user", None)), named.pop("context", None)
        return _Emission(event, sender, user, context, named, robust).run().outcomes


EventType.engine = _Engine()
