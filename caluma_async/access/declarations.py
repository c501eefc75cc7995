"""How methods of the site's classes are declared for verbs and models, and found again along their base classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from asgiref.sync import async_to_sync

from caluma_async.errors import Misconfigured

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "_caluma_async_declared"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of declaration.

    `decorator` is its name, `base` what its keys must derive from, `wanted` says so in words, and `arguments` are those
    that a method gets besides `self`.
    """

    decorator: str
    base: type
    wanted: str
    arguments: tuple[str, ...]

    def __call__(self, *keys: type) -> Callable[[F], F]:
        """Mark a method as what holds for these keys and what derives from them."""
        for key in keys or (None,):
            if not (isinstance(key, type) and issubclass(key, self.base)):
                raise Misconfigured(f"@{self.decorator} takes {self.wanted}; {key!r} is none.")

        def mark(method: F) -> F:
            marks: list[tuple[Kind, type]] = vars(method).setdefault(_MARK, [])
            marks += [(self, key) for key in keys]
            return method

        return mark

    def declared(self, owner: type) -> Mapping[type, str]:
        """The names of the owner's methods by what they are declared for, inherited ones included."""
        return _declared(self, owner)

    def find(self, owner: type, key: type) -> str | None:
        """The name of the method that is declared for the key, or for the nearest of its base classes."""
        declared = self.declared(owner)
        return next((declared[base] for base in key.__mro__ if base in declared), None)

    def complaints(self, owner: type) -> Iterator[str]:
        """What is wrong with the owner's methods of this kind."""
        try:
            names = dict.fromkeys(self.declared(owner).values())
        except Misconfigured as error:
            yield error.message
            return
        for name in names:
            if not _takes(inspect.getattr_static(owner, name), len(self.arguments)):
                yield f"{_named(owner, name)} must take the arguments self, {', '.join(self.arguments)}."


@cache
def _declared(kind: Kind, owner: type) -> Mapping[type, str]:
    found: dict[type, str] = {}
    for base in reversed(owner.__mro__):
        here = _declared_in(kind, base)
        # a method that is overridden keeps what it was declared for, unless it is declared anew
        found = {key: name for key, name in found.items() if name not in here.values()} | here
    return found


def _declared_in(kind: Kind, base: type) -> dict[type, str]:
    here: dict[type, str] = {}
    for name, method in vars(base).items():
        for key in [key for declared, key in getattr(method, _MARK, ()) if declared is kind]:
            if here.setdefault(key, name) != name:
                raise Misconfigured(
                    f"{_named(base)}: {here[key]} and {name} are both declared for {key.__name__}; one can be."
                )
    return here


def settled(value: Any) -> Any:
    """What a method answered; what is still to be awaited is awaited on the event loop that this thread works for.

    Database work of such a coroutine comes back to this thread, and so into its transaction.
    """
    if not inspect.isawaitable(value):
        return value

    async def awaited() -> Any:
        return await value

    return async_to_sync(awaited)()


def _takes(method: Any, number: int) -> bool:
    if not inspect.isroutine(method):
        return False
    try:
        inspect.signature(method).bind(None, *[None] * number)
    except (TypeError, ValueError):
        return False
    return True


def _named(owner: type, name: str = "") -> str:
    return ".".join(filter(None, (owner.__module__, owner.__qualname__, name)))
