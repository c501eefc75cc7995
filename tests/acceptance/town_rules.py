"""Who may see and do what in a town: whoever belongs to a group, what that group made; the admin, everything."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet

from caluma_async.access.permissions import BasePermission, object_permission_for, permission_for
from caluma_async.access.visibilities import BaseVisibility, filter_queryset_for
from caluma_async.records import Record
from caluma_async.verbs import Verb


class Permissions(BasePermission):
    """Members of a group change what it made."""

    @permission_for(Verb)
    def belongs_to_a_group(self, mutation: Any, info: Any) -> bool:
        return bool(info.user.groups)

    @object_permission_for(Verb)
    async def made_by_the_group(self, mutation: Any, info: Any, instance: Any) -> bool:
        return "admin" in info.user.groups or instance.created_by_group in info.user.groups


class Visibility(BaseVisibility):
    """Members of a group see what it made."""

    @filter_queryset_for(Record)
    def made_by_the_group(self, node: type[Model], queryset: QuerySet[Any], info: Any) -> QuerySet[Any]:
        if "admin" in info.user.groups:
            return queryset
        return queryset.filter(created_by_group__in=info.user.groups)
