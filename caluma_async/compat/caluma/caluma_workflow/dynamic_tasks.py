"""Stands for `caluma.caluma_workflow.dynamic_tasks`."""

from caluma_async.workflow.dynamic import BaseDynamicTasks, register_dynamic_task

__all__ = ["BaseDynamicTasks", "register_dynamic_task"]
