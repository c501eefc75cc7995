"""What a door asks of the site's access rules, as an interface, and the answer of code that is trusted."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from django.db.models import Model, QuerySet

from caluma_async.identity import User

M = TypeVar("M", bound=Model)


class Access(Protocol):
    """The rules that hold for one door: what may be seen, done and asked for."""

    def visible(self, queryset: QuerySet[M], user: User) -> QuerySet[M]:
        """The part of the queryset that the user may see."""

    def restricts(self, model: type[Model]) -> bool:
        """Whether `visible` may leave out objects of this model; if not, joins need not ask it."""

    def permit(self, verb: type[Any], user: User, data: dict[str, Any], instance: Model | None) -> None:
        """Pass if the user may do this; raise `NotAllowed` otherwise. `instance` is what is to be changed."""

    def validate(self, verb: type[Any], user: User, data: dict[str, Any], instance: Model | None) -> dict[str, Any]:
        """The input, checked and perhaps changed; raise `InvalidInput` otherwise."""


class Trusted:
    """Sees and may do everything: Python code of the site itself, such as receivers and commands."""

    def visible(self, queryset: QuerySet[M], user: User) -> QuerySet[M]:
        """All of it."""
        return queryset

    def restricts(self, model: type[Model]) -> bool:
        """Nothing is left out."""
        return False

    def permit(self, verb: type[Any], user: User, data: dict[str, Any], instance: Model | None) -> None:
        """Everything is allowed."""

    def validate(self, verb: type[Any], user: User, data: dict[str, Any], instance: Model | None) -> dict[str, Any]:
        """Unchanged."""
        return data
