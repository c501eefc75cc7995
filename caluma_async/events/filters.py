"""`filter_events`: predicates that decide, when an event is emitted, whether a receiver wants it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, Final, TypeVar, cast

from caluma_async.errors import InvalidReceiver
from caluma_async.events.calling import Parameters, is_async, layers, refuse_awaitable

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE: Final = "__event_filter__"
_NOTHING: Final = nullcontext()


class Filter:
    """A predicate, and which arguments of an event it asks for."""

    def __init__(self, predicate: Callable[..., Any]) -> None:
        self.predicate = predicate
        self.parameters = Parameters.of(predicate)

    def __repr__(self) -> str:
        code = getattr(self.predicate, "__code__", None)
        place = f" at {code.co_filename}:{code.co_firstlineno}" if code else ""
        return f"<filter {getattr(self.predicate, '__qualname__', self.predicate)}{place}>"

    def holds(self, given: Mapping[str, Any]) -> bool:
        """Whether an event with these arguments is wanted; raises what the predicate raises."""
        result = self.predicate(**(given if self.parameters.open else self.parameters.narrow(given)))
        refuse_awaitable(result, repr(self))
        return bool(result)


_evaluated: ContextVar[frozenset[Filter]] = ContextVar("evaluated_filters", default=frozenset())


def filter_events(predicate: Callable[..., Any]) -> Callable[[F], F]:
    """Receive only events for which the predicate holds.

    `predicate` takes by name any of the event's arguments, `sender`, `user` and `context`, in any number. It is
    evaluated when the event is emitted, also for receivers that run later. Several filters may be stacked, in any
    order with other decorators; all have to hold. A direct call of the function is filtered as well: it returns
    `None` where a predicate does not hold.

    Raises `InvalidReceiver` for an `async def`.
    """
    if not callable(predicate):
        raise InvalidReceiver(f"filter_events() takes a function, not {predicate!r}.")
    if is_async(predicate):
        raise InvalidReceiver(f"{Filter(predicate)!r}: a filter is a `def`; an `async def` would always hold.")

    def decorate(function: F) -> F:
        return cast("F", _filtered(function, Filter(predicate)))

    return decorate


def _filtered(function: Callable[..., Any], condition: Filter) -> Callable[..., Any]:
    signature = inspect.signature(function)
    wrapper: Callable[..., Any]
    if is_async(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return await function(*args, **kwargs) if _passes(condition, signature, args, kwargs) else None

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs) if _passes(condition, signature, args, kwargs) else None

    setattr(wrapper, _ATTRIBUTE, condition)
    return wrapper


def _passes(condition: Filter, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    evaluated = _evaluated.get()
    if condition in evaluated:
        # once only: a receiver that calls itself, or is called again by another one, is filtered
        _evaluated.set(evaluated - {condition})
        return True
    return condition.holds(_by_name(signature, args, kwargs))


def _by_name(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    named = dict(signature.bind(*args, **kwargs).arguments)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            named |= named.pop(parameter.name, {})
    return named


def filters_of(function: Callable[..., Any]) -> tuple[Filter, ...]:
    """The filters on a function, from the outside in, wherever they are among its decorators."""
    # a decorator above a filter may have copied its attributes
    found = dict.fromkeys(vars(layer).get(_ATTRIBUTE) for layer in layers(function) if hasattr(layer, "__dict__"))
    return tuple(condition for condition in found if condition is not None)


def evaluated(filters: tuple[Filter, ...]) -> AbstractContextManager[object]:
    """Let calls in this block pass these filters: they were asked when the event was emitted."""
    return _Evaluated(filters) if filters or _evaluated.get() else _NOTHING


class _Evaluated:
    __slots__ = ("_before", "_filters")

    def __init__(self, filters: tuple[Filter, ...]) -> None:
        self._filters = frozenset(filters)

    def __enter__(self) -> None:
        self._before = _evaluated.get()
        _evaluated.set(self._filters)

    def __exit__(self, *_: object) -> None:
        _evaluated.set(self._before)
