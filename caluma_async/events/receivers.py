"""Registering receivers: `on`, and the modules that they are imported from."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.dispatch import Signal

from caluma_async.conf import settings
from caluma_async.errors import InvalidReceiver, Misconfigured
from caluma_async.events.calling import innermost, is_async
from caluma_async.events.event import RESERVED, EventType
from caluma_async.events.filters import filter_events
from caluma_async.events.options import Options, refuse_function, refuse_mistakes
from caluma_async.events.receiver import NATIVE, Dialect, Receiver, describe, name_of
from caluma_async.events.registry import Registry, registry
from caluma_async.events.retry import Retry
from caluma_async.events.signals import signal_type

__all__ = ["NATIVE", "Dialect", "Receiver", "Registry", "discover", "filter_events", "on", "register", "registry"]

F = TypeVar("F", bound=Callable[..., Any])


def on(
    event: Signal | Sequence[Signal],
    raise_exception: bool = False,
    *,
    sender: Any = None,
    blocking: bool | None = None,
    name: str | None = None,
    aliases: Sequence[str] = (),
    ordered: bool = True,
    retry: Retry | None = None,
    timeout: float | None = None,
    transactional: bool | None = None,
    durable: bool = True,
    on_exhausted: str = "continue",
) -> Callable[[F], F]:
    """Register a function as receiver of an event type, a signal of Django's, or a list of such.

    A `def` blocks: it runs inside the mutation's transaction, before it goes on. An `async def` does so for `pre_`
    events and Django's signals; after any other event it runs when the transaction has committed, and nothing waits
    for it. `blocking` says otherwise.

    - `raise_exception`: its error undoes the mutation.
    - `sender`: receive only what this verb's class (or an equal string) emits.
    - `name`, `aliases`: how it is known in rows and logs (default: module and qualified name), and was before.

    Of receivers that do not block:

    - `ordered`: deliveries of one lane run one at a time, in the order of emission.
    - `retry`, `timeout` (seconds): when an attempt that failed is repeated, and how long one may take.
    - `transactional`: commit together with the acknowledgement.
    - `durable`: keep a row until it is delivered; without, it is delivered at most once.
    - `on_exhausted`: after the last attempt the lane goes on (`continue`) or waits for a person (`hold`).

    Raises `InvalidReceiver` when the module is imported, for options that exclude each other and functions that
    could not be run.
    """
    options = Options(
        raise_exception=raise_exception,
        sender=sender,
        blocking=blocking,
        name=name,
        aliases=aliases,
        ordered=ordered,
        retry=retry,
        timeout=timeout,
        transactional=transactional,
        durable=durable,
        on_exhausted=on_exhausted,
    )
    events = event if isinstance(event, list | tuple | set | frozenset) else [event]

    def decorate(function: F) -> F:
        _register(function, events, NATIVE, options)
        return function

    return decorate


def register(
    function: Callable[..., Any], events: Iterable[Signal], *, dialect: Dialect = NATIVE, **options: Any
) -> Receiver:
    """Register a function as `on` does, speaking to it in a dialect; `options` are those of `on`."""
    try:
        checked = Options(**options)
    except TypeError as error:
        raise InvalidReceiver(f"{name_of(function)}: {error}.") from error
    return _register(function, events, dialect, checked)


def _register(function: Callable[..., Any], events: Iterable[Any], dialect: Dialect, options: Options) -> Receiver:
    name = options.name or name_of(function)
    refuse_function(function, name)
    types = tuple(dict.fromkeys(_type_of(event, name, function) for event in events))
    if not types:
        raise InvalidReceiver(f"{name}: no event is given.")
    refuse_mistakes(options, name, types, is_async(function))
    receiver = describe(function, types, dialect, options, name, lambda: function)
    _refuse_filters(receiver)
    return registry.add(receiver)


def _type_of(event: Any, name: str, function: Callable[..., Any]) -> EventType:
    if isinstance(event, EventType):
        return event
    if isinstance(event, Signal):
        return signal_type(event, getattr(innermost(function), "__globals__", {}))
    raise InvalidReceiver(f"{name}: on() takes event types and signals, not {event!r}.")


def _refuse_filters(receiver: Receiver) -> None:
    for condition in receiver.filters:
        for event in receiver.events:
            if event.arguments is None:
                continue
            if lacking := condition.parameters.lacking({*event.arguments, *RESERVED}):
                raise InvalidReceiver(
                    f"{receiver.name}: {condition!r} asks for {' and '.join(sorted(lacking))}, "
                    f"which {event.name} does not have."
                )


def discover() -> None:
    """Import the modules that receivers are in; raises `Misconfigured` that names the one that does not import."""
    for module in settings.EVENT_RECEIVER_MODULES:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise Misconfigured(
                f"EVENT_RECEIVER_MODULES: {module} cannot be imported ({type(error).__name__}: {error})."
            ) from error
