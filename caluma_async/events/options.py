"""What may be said of a receiver when it is registered, and which options exclude each other."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from caluma_async.errors import InvalidReceiver
from caluma_async.events.calling import is_async, layers
from caluma_async.events.event import EventType
from caluma_async.events.retry import Retry

ON_EXHAUSTED = ("continue", "hold")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `on`, as they were given."""

    raise_exception: bool = False
    sender: Any = None
    blocking: bool | None = None
    name: str | None = None
    aliases: Sequence[str] = ()
    ordered: bool = True
    retry: Retry | None = None
    timeout: float | None = None
    transactional: bool | None = None
    durable: bool = True
    on_exhausted: str = "continue"


def blocks(options: Options, event: EventType, asynchronous: bool) -> bool:
    """Whether a receiver with these options holds this event up, unless the site says that all do."""
    if options.blocking is not None:
        return options.blocking
    return options.raise_exception or not asynchronous or event.phase == "pre" or event.is_signal


def refuse_function(function: Any, name: str) -> None:
    """Raise `InvalidReceiver` if calling the function would not run it."""
    if not callable(function):
        raise InvalidReceiver(f"on() registers functions, not {function!r}.")
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidReceiver(f"{name}: with `yield` it is a generator, whose body nobody runs.")
    if not is_async(function) and any(map(is_async, layers(function))):
        raise InvalidReceiver(
            f"{name}: a `def` around an `async def` (such as `transaction.atomic`) is over before the body of the "
            f"`async def` has begun. Let the decorator be an `async def`, or the receiver a `def`."
        )


def refuse_mistakes(options: Options, name: str, events: Sequence[EventType], asynchronous: bool) -> None:
    """Raise `InvalidReceiver` for options that are none, or that exclude each other."""
    for complaint in itertools.chain(
        _wrong_values(options),
        _contradictions(options, events, asynchronous),
        _meaningless(options, events, asynchronous),
    ):
        raise InvalidReceiver(f"{name}: {complaint}.")


def _wrong_values(options: Any) -> Iterator[str]:
    for flag in ("raise_exception", "ordered", "durable"):
        if not isinstance(getattr(options, flag), bool):
            yield f"{flag}={getattr(options, flag)!r} is neither True nor False"
    for flag in ("blocking", "transactional"):
        if getattr(options, flag) not in (True, False, None):
            yield f"{flag}={getattr(options, flag)!r} is neither True nor False nor None"
    if options.name is not None and not (isinstance(options.name, str) and options.name):
        yield f"name={options.name!r} is not a text"
    if not _is_names(options.aliases):
        yield f"aliases={options.aliases!r} is not a list of texts"
    if isinstance(options.sender, list | tuple | set | frozenset):
        yield f"sender={options.sender!r}: one sender can be selected; register again for another"
    if options.retry is not None and not isinstance(options.retry, Retry):
        yield f"retry={options.retry!r} is not a Retry"
    if options.timeout is not None and not _is_duration(options.timeout):
        yield f"timeout={options.timeout!r} is not a number of seconds above 0"
    if options.on_exhausted not in ON_EXHAUSTED:
        yield f"on_exhausted={options.on_exhausted!r} is neither 'continue' nor 'hold'"


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) and one for one in value)


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _contradictions(options: Options, events: Sequence[EventType], asynchronous: bool) -> Iterator[str]:
    if options.blocking is False:
        if options.raise_exception:
            yield "raise_exception=True and blocking=False exclude each other: nothing is left to roll back"
        for event in events:
            if event.phase == "pre":
                yield f"blocking=False and {event.name} exclude each other: it is told of before it happens"
            elif not event.deliverable:
                yield f"blocking=False and {event.name} exclude each other: nothing is left to load afterwards"
    if asynchronous and options.transactional:
        yield "transactional=True and `async def` exclude each other: Django has no async transactions"
    if options.on_exhausted == "hold" and not options.ordered:
        yield "on_exhausted='hold' and ordered=False exclude each other: there is no lane that could wait"
    if not options.durable:
        for said in _said(options, "retry", "transactional", "on_exhausted"):
            yield f"durable=False and {said} exclude each other: there is no row to keep it in"


def _meaningless(options: Options, events: Sequence[EventType], asynchronous: bool) -> Iterator[str]:
    """Options of deliveries on a receiver that never has any."""
    if all(blocks(options, event, asynchronous) for event in events):
        why = _why_it_blocks(options, events, asynchronous)
        for said in _said(options, "ordered", "retry", "timeout", "transactional", "durable", "on_exhausted"):
            yield f"{said} and {why} exclude each other: it says how a receiver is run that does not block"


def _why_it_blocks(options: Options, events: Sequence[EventType], asynchronous: bool) -> str:
    if options.blocking:
        return "blocking=True"
    if options.raise_exception:
        return "raise_exception=True"
    return events[0].name if asynchronous else "a `def` without blocking=False"


def _said(options: Options, *names: str) -> Iterator[str]:
    for name in names:
        value = getattr(options, name)
        if value != getattr(Options, name):
            yield f"{name}={value!r}"
