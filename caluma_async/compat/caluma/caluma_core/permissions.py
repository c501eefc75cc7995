"""Stands for `caluma.caluma_core.permissions`."""

from caluma_async.access.permissions import (
    AllowAny,
    BasePermission,
    CreatedByGroup,
    IsAuthenticated,
    object_permission_for,
    permission_for,
)

__all__ = ["AllowAny", "BasePermission", "CreatedByGroup", "IsAuthenticated", "object_permission_for", "permission_for"]
