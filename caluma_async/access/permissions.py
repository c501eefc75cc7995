"""Who may do what: base classes for the site's own, and those that many sites need. All listed ones must allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Model

from caluma_async.access.asking import Asking
from caluma_async.access.base import Deed, Operation
from caluma_async.access.declarations import Kind, settled

permission_for: Final = Kind(
    decorator="permission_for", base=Deed, wanted="classes of verbs", arguments=("mutation", "info")
)
"""Declare a method as the permission for a verb and those derived from it; the nearest declaration holds."""

object_permission_for: Final = Kind(
    decorator="object_permission_for", base=Deed, wanted="classes of verbs", arguments=("mutation", "info", "instance")
)
"""The same for the object that the verb is to change, which has been found visible by then."""


class BasePermission:
    """Answers whether a verb may be carried out: yes, where nothing is declared for it.

    Methods are `def` or `async def`, and return whether it is allowed; one that returns nothing forbids.

        class Permissions(BasePermission):
            @permission_for(Verb)
            def may_do_anything(self, mutation, info): ...

            @object_permission_for(CompleteWorkItem)
            async def may_complete(self, mutation, info, instance): ...
    """

    @classmethod
    def complaints(cls) -> Iterator[str]:
        """What is wrong with the class."""
        yield from permission_for.complaints(cls)
        yield from object_permission_for.complaints(cls)

    @classmethod
    def names(cls, operation: type[Operation]) -> bool:
        """Whether it says something about this operation in particular, or about operations."""
        declared = permission_for.declared(cls)
        return any(base in declared for base in operation.__mro__ if issubclass(base, Operation))

    def has_permission(self, mutation: type[Any], info: Asking) -> bool:
        """Whether the user may do this at all."""
        name = permission_for.find(type(self), mutation)
        return name is None or bool(settled(getattr(self, name)(mutation, info)))

    def has_object_permission(self, mutation: type[Any], info: Asking, instance: Model) -> bool:
        """Whether the user may do it to this object."""
        name = object_permission_for.find(type(self), mutation)
        return name is None or bool(settled(getattr(self, name)(mutation, info, instance)))


class AllowAny(BasePermission):
    """Everybody may do everything."""


class IsAuthenticated(BasePermission):
    """Whoever is known may do everything."""

    @permission_for(Deed)
    def is_known(self, mutation: type[Any], info: Asking) -> bool:
        """Whether the user is known."""
        return info.user.is_authenticated


class CreatedByGroup(IsAuthenticated):
    """Whoever is known may make new things; only users of the group that made a thing may change it."""

    @object_permission_for(Deed)
    def is_of_the_group(self, mutation: type[Any], info: Asking, instance: Any) -> bool:
        """Whether one of the user's groups made the object."""
        return instance.created_by_group is not None and instance.created_by_group in info.user.groups
