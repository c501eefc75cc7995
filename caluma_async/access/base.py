"""What a door asks of the site's access rules, as an interface, and the answer of code that is trusted."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from django.db.models import Model, QuerySet

from caluma_async.access.asking import Asking
from caluma_async.identity import User

M = TypeVar("M", bound=Model)


class Deed:
    """Something that a user asks to be done. Its class is what permissions and validations are declared for.

    ``data`` is the input, in snake_case, with keys for objects; ``context`` is what the client sent along with it.
    """

    user: User
    context: Any
    data: dict[str, Any]

    @classmethod
    def get_params(cls, info: Asking) -> dict[str, Any]:
        """What the client sent, as permissions written for Caluma ask for it: `{"input": {…}}`, in camelCase."""
        sent = {} if info.sent is None else {"context": info.sent}
        return {"input": {**info.input, **sent}}


class Operation(Deed):
    """Something that is for those who run the site: refused unless a permission class names it, or `Operation` itself.

    What such a class says of everything (`Deed`, `Verb`) does not count, nor does that there is no such class.
    """


class Access(Protocol):
    """The rules that hold for one door: what may be seen, done and asked for.

    ``through`` names the relation that leads to the objects, model and attribute: ``WorkItem.case``. There are sites
    that show an object there which they hide elsewhere.
    """

    def visible(self, queryset: QuerySet[M], user: User, *, through: str | None = None) -> QuerySet[M]:
        """The part of the queryset that the user may see; no object twice."""

    def restricts(self, model: type[Model], *, through: str | None = None) -> bool:
        """Whether `visible` may leave out objects of this model; if not, joins need not ask it."""

    def admit(self, deed: Deed) -> None:
        """Pass if the user may do such a thing at all; raise `NotAllowed` otherwise. Nothing has been looked up yet."""

    def permit(self, deed: Deed, instance: Model | None) -> None:
        """Pass if the user may do it to this; raise `NotAllowed` otherwise. `None`: something new is to be made."""

    def validate(self, deed: Deed, instance: Model | None) -> dict[str, Any]:
        """The input, checked and perhaps changed; raise `InvalidInput` otherwise."""


class Trusted:
    """Sees and may do everything: Python code of the site itself, such as receivers and commands."""

    def visible(self, queryset: QuerySet[M], user: User, *, through: str | None = None) -> QuerySet[M]:
        """All of it."""
        return queryset

    def restricts(self, model: type[Model], *, through: str | None = None) -> bool:
        """Nothing is left out."""
        return False

    def admit(self, deed: Deed) -> None:
        """Everything is allowed."""

    def permit(self, deed: Deed, instance: Model | None) -> None:
        """Everything is allowed."""

    def validate(self, deed: Deed, instance: Model | None) -> dict[str, Any]:
        """Unchanged."""
        return deed.data
