"""What those who look on put around units of work, such as spans: nothing, at the price of a look, unless they do.

Knows neither the units nor who looks on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_NOTHING: Final = nullcontext()


class Around(Generic[T]):
    """One kind of units. Whoever does one does it `with` what this gives for it."""

    def __init__(self) -> None:
        self._put: Callable[[T], AbstractContextManager[object]] | None = None

    def put(self, wrapper: Callable[[T], AbstractContextManager[object]] | None) -> None:
        """Put this around every unit from now on; `None`: nothing any more."""
        self._put = wrapper

    def __call__(self, unit: T) -> AbstractContextManager[object]:
        """What is around this unit."""
        return _NOTHING if self._put is None else self._put(unit)


@dataclass(slots=True, kw_only=True)
class Served:
    """A GraphQL request: what is known at its beginning and, from `status` on, at its end.

    `kind`: query or mutation, if it got that far; `name`: what the client calls it; `code`: of the first error.
    """

    method: str
    path: str
    scheme: str
    headers: Mapping[str, str]
    status: int = 0
    kind: str = ""
    name: str | None = None
    code: str | None = None


requests: Final[Around[Served]] = Around()
verbs: Final[Around[Any]] = Around()
attempts: Final[Around[Any]] = Around()


class Carried:
    """What is written down with each event and handed to those who carry it out: a traceparent of W3C, or nothing."""

    def __init__(self) -> None:
        self._give: Callable[[], str | None] | None = None

    def take_from(self, give: Callable[[], str | None] | None) -> None:
        """Ask this from now on."""
        self._give = give

    def __call__(self) -> str | None:
        """What belongs to what is done at this moment."""
        return None if self._give is None else self._give()


carried: Final = Carried()
