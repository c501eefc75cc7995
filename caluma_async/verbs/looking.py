"""How verbs look up what their input names: by key, through what the user may see. Locks are the domains' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from caluma_async.errors import InvalidInput, NotFound
from caluma_async.verbs import inputs
from caluma_async.verbs.base import Verb

R = TypeVar("R")
M = TypeVar("M", bound=Model)


class LookingVerb(Verb[R]):
    """A verb whose input names objects.

    `references` are the input's keys for objects, which `load` looks up; `cleaners` clean the rest.
    """

    references: ClassVar[tuple[str, ...]] = ("id",)
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {}

    def check(self) -> None:
        """Refuse input that is wrong, and what the rules of the domain do not allow."""
        given = {key: value for key, value in self.data.items() if key not in self.references}
        self.changes = inputs.clean(given, self.cleaners, of=type(self).__name__)

    def visible(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """The part of the queryset that the user may see."""
        return self.access.visible(queryset, self.user)

    def found(self, name: str, queryset: QuerySet[M]) -> M:
        """The object that the input names; `NotFound` if it is not among these."""
        # not `first`, which would sort, nor `get`: a visibility may find one object several times
        for row in queryset[:1]:
            return row
        raise self.not_found(name, queryset.model)

    def key(self, name: str, model: type[Model]) -> UUID:
        """The key that the input has under a name; what is no key names nothing that could be found."""
        value = self.data.get(name)
        if value is None:
            raise InvalidInput(f"{inputs.camel(name)} is needed.", field=inputs.camel(name))
        try:
            return inputs.uuid(name, value)
        except InvalidInput as error:
            raise self.not_found(name, model) from error

    def slug(self, name: str, model: type[Model]) -> str:
        """As `key`, for what is named by a slug."""
        value = inputs.key_of(self.data.get(name))
        if value is None:
            raise InvalidInput(f"{inputs.camel(name)} is needed.", field=inputs.camel(name))
        if not inputs.is_slug(value):
            raise self.not_found(name, model)
        return str(value)

    def not_found(self, name: str, model: type[Model]) -> NotFound:
        """The error for an object that is not there, or not to be seen."""
        wanted = inputs.shown(inputs.key_of(self.data.get(name)))
        return NotFound(f"There is no {model._meta.verbose_name} {wanted}.", field=inputs.camel(name))
