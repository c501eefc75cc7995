"""Which arguments a function takes by name. Receivers and filters get what they name, not all there is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync, iscoroutinefunction

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Parameters:
    """The names that a function takes, those it cannot do without, and whether it takes any other (`**kwargs`)."""

    names: frozenset[str]
    required: frozenset[str]
    open: bool
    positional_only: frozenset[str]

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Parameters:
        """The parameters of a function; below decorators that use `functools.wraps`, those of the innermost one."""
        parameters = inspect.signature(_bridged(function)).parameters.values()
        named = [parameter for parameter in parameters if parameter.kind in _BY_NAME]
        return cls(
            names=frozenset(parameter.name for parameter in named),
            required=frozenset(parameter.name for parameter in named if parameter.default is parameter.empty),
            open=any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters),
            positional_only=frozenset(
                parameter.name
                for parameter in parameters
                if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty
            ),
        )

    def lacking(self, given: Iterable[str]) -> frozenset[str]:
        """What the function needs and is not given."""
        return self.required.difference(given)

    def narrow(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The part of what is given that the function names."""
        return {name: given[name] for name in self.names if name in given}


def layers(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The function and what its decorators wrap, from the outside in."""
    layer: Callable[..., Any] | None = function
    while layer is not None:
        yield layer
        layer = getattr(layer, "__wrapped__", None)


def innermost(function: Any) -> Any:
    """What is left when all decorators are taken off."""
    return list(layers(function))[-1] if function is not None else None


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine: an `async def`, or an object whose `__call__` is one."""
    if isinstance(function, functools.partial):
        return is_async(function.func)
    call = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    return bool(iscoroutinefunction(function) or iscoroutinefunction(call))


def _bridged(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose signature counts: `async_to_sync` and `sync_to_async` hide that of theirs."""
    if isinstance(function, AsyncToSync):
        return function.awaitable
    return function.func if isinstance(function, SyncToAsync) else function


def refuse_awaitable(result: Any, whose: str) -> None:
    """Raise `TypeError` if a function that is not `async def` returned something to await."""
    if not hasattr(result, "__await__"):
        return
    if inspect.iscoroutine(result):
        result.close()
    raise TypeError(f"{whose} is not an `async def` but returned {type(result).__name__!r}, which nobody awaits.")
