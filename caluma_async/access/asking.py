"""Who asks, as the site's classes see it: the argument `info` of all their methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest

from caluma_async.identity import User


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`info.context`: the user and the request. What else it is asked for, the request answers: `headers`, `META`."""

    user: User
    request: HttpRequest = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.request, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, through which request, and for what.

    `data` is the input of the mutation (snake_case, keys for objects; empty for reading), `instance` what is to be
    changed, as soon as it has been looked up, and `sent` the `context` that the client sent along.
    """

    context: RequestContext
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sent: Any = field(default=None, repr=False)
    instance: Model | None = None

    @property
    def user(self) -> User:
        """The user who asks."""
        return self.context.user

    @property
    def input(self) -> dict[str, Any]:
        """The input by the names that clients use."""
        return {_camel(name): _readable(value) for name, value in self.data.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(part) for part in value]
    return str(value) if isinstance(value, UUID) else value
