"""Permissions whose author took a table for a mutation."""

from caluma.caluma_core.permissions import BasePermission, permission_for
from caluma.caluma_workflow.models import Case


class Permissions(BasePermission):
    @permission_for(Case)
    def may(self, mutation, info):
        return True
