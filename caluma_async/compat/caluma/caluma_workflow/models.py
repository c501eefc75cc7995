"""Stands for `caluma.caluma_workflow.models`."""

from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem

__all__ = ["Case", "Flow", "Task", "TaskFlow", "WorkItem", "Workflow"]
