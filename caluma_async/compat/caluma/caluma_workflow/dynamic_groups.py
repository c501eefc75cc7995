"""Stands for `caluma.caluma_workflow.dynamic_groups`."""

from caluma_async.workflow.dynamic import BaseDynamicGroups, register_dynamic_group

__all__ = ["BaseDynamicGroups", "register_dynamic_group"]
